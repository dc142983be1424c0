mod clients;
mod posts;
mod role;
mod share;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use uuid::Uuid;

use self::clients::{Client, Clients};
use self::posts::Posts;
use self::role::LegacyRole;
use self::stream::BUFFER;
pub(super) use self::stream::LegacyStream;
use super::budget::Budget;
use super::{HttpBody, reply, session_id};
use crate::Server;
use crate::connection::{Connection, NO_PROCESS, drive};
use crate::layer::Carrier;
use crate::server::Core;

/// Where a client opens its stream.
pub(super) const STREAM_PATH: &str = "/sse";

/// Where a client sends its messages.
pub(super) const MESSAGES_PATH: &str = "/messages";

/// The parameter of the messages' URL that says whose they are.
const CLIENT: &str = "sessionId=";

/// How long a message may wait for the ones before it to be taken.
const PATIENCE: Duration = Duration::from_secs(30);

/// HTTP+SSE (2024-11-05, transports): a client opens one stream, on which the server says everything, and posts each of its messages. Both
/// together are a stream of messages like any other, so a link drives it.
pub(super) struct Legacy {
    server: Server,
    limit: usize,
    budget: Arc<Budget>,
    clients: Arc<Clients>,
}

impl Legacy {
    pub(super) fn new(server: &Server, budget: Arc<Budget>) -> Self {
        let limit = server.core_over(Carrier::Http).limits.sessions;
        Self { server: server.clone(), limit, budget, clients: Arc::default() }
    }

    /// Opens a client's stream. Its first event says where to send messages.
    pub(super) fn open(&self) -> Response<HttpBody> {
        let id = Uuid::new_v4();
        let (sender, receiver) = mpsc::channel(1);
        {
            let mut clients = self.clients.table();
            let limit = self.limit;
            if clients.len() >= limit {
                let why = format!("too many streams are open (limit {limit}); try again later");
                return reply::invalid(StatusCode::SERVICE_UNAVAILABLE, None, why);
            }
            clients.insert(id, sender);
        }
        let (output, writer) = tokio::io::duplex(BUFFER);
        // Its own: what it listens for ends with it.
        let core = self.server.core_over(Carrier::Http);
        let role = LegacyRole::new(core.clone(), self.budget.clone());
        tokio::spawn(serve(core, role, Posts::new(receiver), writer));
        let first = format!("event: endpoint\ndata: {MESSAGES_PATH}?{CLIENT}{}\n\n", id.simple());
        let client = Client { clients: self.clients.clone(), id };
        reply::stream(HttpBody::legacy(LegacyStream::new(client, output, first.into_bytes())))
    }

    /// Takes a message of a client; its answer comes over the stream.
    pub(super) async fn take(&self, query: Option<&str>, body: Bytes) -> Response<HttpBody> {
        let parameter = query.and_then(|query| query.split('&').find_map(|part| part.strip_prefix(CLIENT)));
        let client =
            parameter.and_then(|id| self.clients.table().get(&session_id::parse(id.as_bytes())?).cloned());
        let Some(client) = client else {
            let why = "there is no such stream, or it is closed; open another one";
            return reply::invalid(StatusCode::NOT_FOUND, None, why);
        };
        match client.send_timeout(body, PATIENCE).await {
            Ok(()) => reply::empty(StatusCode::ACCEPTED),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                let why = "the messages before this one were not taken in time; try again later";
                reply::invalid(StatusCode::SERVICE_UNAVAILABLE, None, why)
            }
            Err(mpsc::error::SendTimeoutError::Closed(_)) => {
                reply::invalid(StatusCode::NOT_FOUND, None, "the stream is closed; open another one")
            }
        }
    }

    /// Ends all streams, once what is in flight on them is answered.
    pub(super) fn end(&self) {
        self.clients.table().clear();
    }
}

/// Serves a client until its stream is closed.
async fn serve(core: Arc<Core>, role: LegacyRole, posts: Posts, writer: DuplexStream) {
    let connection = Connection::new(&core.limits);
    let reason = drive(connection, posts, writer, role, &core.limits, NO_PROCESS).await;
    tracing::debug!(?reason, "a stream of HTTP+SSE ended");
}
