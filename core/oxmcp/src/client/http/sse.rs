mod aside;
mod posts;

use http::Uri;
use oxmcp_proto::jsonrpc::write_on_one_line;
use oxmcp_proto::link::CloseReason;
use tokio::io::{AsyncWriteExt, DuplexStream, WriteHalf};

use self::posts::Posts;
use super::failure::to_error;
use crate::auth::{Authorizer, within_rest};
use crate::connection::Connection;
use crate::transport::http::{Access, Event, EventStream, Head, HttpClient, HttpError};
use crate::{Error, Limits, Result};

/// A server that speaks HTTP+SSE (2024-11-05, transports): everything it says comes over one stream of events, everything it is told is
/// posted to an endpoint that the stream names first. For the rest of the client it is a stream of lines.
pub(in crate::client) struct SseServer {
    http: HttpClient,
    events: EventStream,
    endpoint: Uri,
    limits: Limits,
}

/// Why there is no stream.
pub(in crate::client) struct NotOpened {
    pub(in crate::client) error: Error,
    /// Whether the client could not be authorized, as it would not be for another request either.
    pub(in crate::client) is_unauthorized: bool,
}

impl From<Error> for NotOpened {
    fn from(error: Error) -> Self {
        Self { error, is_unauthorized: false }
    }
}

impl From<HttpError> for NotOpened {
    fn from(error: HttpError) -> Self {
        let is_unauthorized = matches!(error, HttpError::Unauthorized(_));
        Self { error: to_error(error), is_unauthorized }
    }
}

impl SseServer {
    /// Opens the stream at a URL. It has to name the endpoint within `limits.probe`, beside what a user takes to authorize the client.
    ///
    /// # Errors
    ///
    /// As a request has them; [`Protocol`](crate::ErrorKind::Protocol) if there is no such server at the URL.
    pub(in crate::client) async fn open(
        url: &str,
        access: Access,
        limits: &Limits,
    ) -> Result<Self, NotOpened> {
        let http = HttpClient::new(url, access, limits).await?;
        let open = async {
            let mut events = http.open(Head::default(), None).await?;
            match events.next().await? {
                Some(Event::Endpoint(named)) => Ok((http.named_endpoint(&named)?, events)),
                Some(Event::Message(_)) | None => {
                    Err(HttpError::Protocol("the stream does not begin with an endpoint".to_owned()))
                }
            }
        };
        let opened = within_rest(http.authorizer(), limits.probe, open).await;
        let (endpoint, events) = opened
            .unwrap_or_else(|_| Err(HttpError::Protocol("no endpoint came over the stream".to_owned())))?;
        Ok(Self { http, events, endpoint, limits: limits.clone() })
    }

    /// What it speaks HTTP with, to close after it.
    pub(in crate::client) fn http(&self) -> HttpClient {
        self.http.clone()
    }

    /// What keeps the client authorized, if something does.
    pub(in crate::client) fn authorizer(&self) -> Option<Authorizer> {
        self.http.authorizer().cloned()
    }

    /// Carries messages between the server and the other end of `lines`, until the server's stream ends; says how. Calls whose request the
    /// server does not accept fail.
    pub(in crate::client) async fn carry(self, lines: DuplexStream, connection: Connection) -> CloseReason {
        let Self { http, events, endpoint, limits } = self;
        let (reader, writer) = tokio::io::split(lines);
        let mut posts = Posts::new(http, endpoint, connection, &limits);
        let reason = tokio::select! {
            reason = read_all(events, writer) => reason,
            reason = posts.run(reader) => reason,
        };
        posts.end(&reason);
        reason
    }
}

/// Passes on what the server says.
async fn read_all(mut events: EventStream, mut writer: WriteHalf<DuplexStream>) -> CloseReason {
    let mut line = Vec::new();
    loop {
        let message = match events.next().await {
            Ok(Some(Event::Message(message))) => message,
            // The server has said where it takes messages.
            Ok(Some(Event::Endpoint(_))) => continue,
            Ok(None) => return CloseReason::Broken("the server ended its stream of events".to_owned()),
            Err(error) => return CloseReason::Broken(to_error(error).to_string()),
        };
        line.clear();
        write_on_one_line(&message, &mut line);
        line.push(b'\n');
        if writer.write_all(&line).await.is_err() {
            return CloseReason::Local;
        }
    }
}
