use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{Response, StatusCode};
use oxmcp_proto::jsonrpc::write_on_one_line;
use rustc_hash::FxHashMap;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::io::{StreamReader, poll_read_buf};
use uuid::Uuid;

use super::sse::KEEP_ALIVE;
use super::{HttpBody, reply, session_id};
use crate::Server;
use crate::connection::{Connection, NO_PROCESS, drive};
use crate::layer::Carrier;
use crate::server::{Core, StreamRole};

/// Where a client opens its stream.
pub(super) const STREAM_PATH: &str = "/sse";

/// Where a client sends its messages.
pub(super) const MESSAGES_PATH: &str = "/messages";

/// The parameter of the messages' URL that says whose they are.
const CLIENT: &str = "sessionId=";

/// Bytes on their way to a client that its connection has not taken yet. What does not fit waits in the link, which has its own limit.
const BUFFER: usize = 64 * 1024;

/// How long a message may wait for the ones before it to be taken.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest silence on a stream before a comment is sent.
const MAX_SILENCE: Duration = Duration::from_secs(15);

/// HTTP+SSE (2024-11-05, transports): a client opens one stream, on which the server says everything, and posts each of its messages. Both
/// together are a stream of messages like any other, so a link drives it.
pub(super) struct Legacy {
    server: Server,
    limit: usize,
    clients: Arc<Clients>,
}

/// The clients whose streams are open, and where their messages go.
#[derive(Default)]
struct Clients(Mutex<FxHashMap<Uuid, mpsc::Sender<Bytes>>>);

impl Clients {
    fn table(&self) -> MutexGuard<'_, FxHashMap<Uuid, mpsc::Sender<Bytes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Legacy {
    pub(super) fn new(server: &Server) -> Self {
        let limit = server.core_over(Carrier::Http).limits.sessions;
        Self { server: server.clone(), limit, clients: Arc::default() }
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
        tokio::spawn(serve(self.server.core_over(Carrier::Http), receiver, writer));
        let first = format!("event: endpoint\ndata: {MESSAGES_PATH}?{CLIENT}{}\n\n", id.simple());
        reply::stream(HttpBody::legacy(LegacyStream {
            _client: Client { clients: self.clients.clone(), id },
            output,
            read: BytesMut::new(),
            first: Some(first.into_bytes()),
            in_line: false,
            silence: Box::pin(sleep(MAX_SILENCE)),
            over: false,
        }))
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
        let mut line = Vec::with_capacity(body.len() + 1);
        write_on_one_line(&body, &mut line);
        line.push(b'\n');
        match client.send_timeout(line.into(), PATIENCE).await {
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
async fn serve(core: Arc<Core>, mut messages: mpsc::Receiver<Bytes>, writer: DuplexStream) {
    let messages =
        stream::poll_fn(move |cx| messages.poll_recv(cx).map(|line| line.map(std::io::Result::Ok)));
    let connection = Connection::new(&core.limits);
    let role = StreamRole::new(core.clone());
    let reason = drive(connection, StreamReader::new(messages), writer, role, &core.limits, NO_PROCESS).await;
    tracing::debug!(?reason, "a stream of HTTP+SSE ended");
}

/// A client's place in the table, until its stream is dropped.
struct Client {
    clients: Arc<Clients>,
    id: Uuid,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.clients.table().remove(&self.id);
    }
}

/// What the server says to one client, each line as an event.
pub(super) struct LegacyStream {
    output: DuplexStream,
    read: BytesMut,
    first: Option<Vec<u8>>,
    /// The last piece ended in the middle of a line.
    in_line: bool,
    silence: Pin<Box<Sleep>>,
    over: bool,
    _client: Client,
}

impl LegacyStream {
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        if self.over {
            return Poll::Ready(None);
        }
        self.read.clear();
        self.read.reserve(BUFFER);
        let events = match poll_read_buf(Pin::new(&mut self.output), cx, &mut self.read) {
            Poll::Ready(Ok(1..)) => self.as_events(),
            Poll::Ready(Ok(0) | Err(_)) => {
                self.over = true;
                return Poll::Ready(None);
            }
            Poll::Pending => {
                ready!(self.silence.as_mut().poll(cx));
                // A comment has no place inside a line.
                if self.in_line { Vec::new() } else { KEEP_ALIVE.to_vec() }
            }
        };
        self.silence.as_mut().reset(Instant::now() + MAX_SILENCE);
        if events.is_empty() {
            // The timer was moved, and has to be looked at again to wake this task.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(events))
    }

    /// What was read, with what stands before and after each line of it.
    fn as_events(&mut self) -> Vec<u8> {
        let mut events = Vec::with_capacity(self.read.len() + 64);
        for line in self.read.split_inclusive(|byte| *byte == b'\n') {
            if !self.in_line {
                events.extend_from_slice(b"event: message\ndata: ");
            }
            events.extend_from_slice(line);
            self.in_line = !line.ends_with(b"\n");
            if !self.in_line {
                events.push(b'\n');
            }
        }
        events
    }
}
