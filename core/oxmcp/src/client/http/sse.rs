use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use http::Uri;
use oxmcp_proto::jsonrpc::{self, Message, RequestId, write_on_one_line};
use oxmcp_proto::link::{CallError, CloseReason};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};

use super::failure::{refused, to_error};
use crate::connection::Connection;
use crate::transport::http::{Access, Event, EventStream, Head, HttpClient, HttpError};
use crate::{Limits, Result};

/// How long the server may take to accept a message.
const POST_PATIENCE: Duration = Duration::from_secs(60);

/// How long a notification waits for the messages before it to be accepted, and holds up those after it.
const ORDER_PATIENCE: Duration = Duration::from_secs(1);

/// A server that speaks HTTP+SSE (2024-11-05, transports): everything it says comes over one stream of events, everything it is told is
/// posted to an endpoint that the stream names first. For the rest of the client it is a stream of lines.
pub(in crate::client) struct SseServer {
    http: HttpClient,
    events: EventStream,
    endpoint: Uri,
    max_depth: usize,
    max_posts: usize,
}

impl SseServer {
    /// Opens the stream at a URL. It has to name the endpoint within `limits.probe`.
    ///
    /// # Errors
    ///
    /// As a request has them; [`Protocol`](crate::ErrorKind::Protocol) if there is no such server at the URL.
    pub(in crate::client) async fn open(url: &str, access: Access, limits: &Limits) -> Result<Self> {
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
        let opened = tokio::time::timeout(limits.probe, open).await;
        let (endpoint, events) = opened
            .unwrap_or_else(|_| Err(HttpError::Protocol("no endpoint came over the stream".to_owned())))
            .map_err(to_error)?;
        let (max_depth, max_posts) = (limits.message_depth, limits.http_connections.max(1));
        Ok(Self { http, events, endpoint, max_depth, max_posts })
    }

    /// What it speaks HTTP with, to close after it.
    pub(in crate::client) fn http(&self) -> HttpClient {
        self.http.clone()
    }

    /// Carries messages between the server and the other end of `lines`, until the server's stream ends; says how. Calls whose request the
    /// server does not accept fail.
    pub(in crate::client) async fn carry(self, lines: DuplexStream, connection: Connection) -> CloseReason {
        let Self { http, events, endpoint, max_depth, max_posts } = self;
        let (reader, writer) = tokio::io::split(lines);
        let posts =
            Posts { http, endpoint, max_depth, max_posts, connection, running: FuturesUnordered::new() };
        tokio::select! {
            reason = read_all(events, writer) => reason,
            reason = posts.run(reader) => reason,
        }
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

/// The messages on their way to the server.
struct Posts {
    http: HttpClient,
    endpoint: Uri,
    max_depth: usize,
    max_posts: usize,
    connection: Connection,
    running: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Posts {
    /// Posts line after line. Requests and answers do not wait for one another, because a server may accept a request only when it was
    /// served; a notification keeps its place among them.
    async fn run(mut self, reader: ReadHalf<DuplexStream>) -> CloseReason {
        let mut lines = BufReader::new(reader).split(b'\n');
        loop {
            let line = tokio::select! {
                line = lines.next_segment() => line,
                Some(()) = self.running.next() => continue,
            };
            let Ok(Some(line)) = line else { return CloseReason::Local };
            let line = Bytes::from(line);
            match jsonrpc::parse(line.clone(), self.max_depth) {
                Ok(Message::Notification(_)) => {}
                Ok(Message::Request(request)) => {
                    self.post(line, Some(request.id)).await;
                    continue;
                }
                _ => {
                    self.post(line, None).await;
                    continue;
                }
            }
            self.settle(ORDER_PATIENCE).await;
            self.post(line, None).await;
            self.settle(ORDER_PATIENCE).await;
        }
    }

    /// Posts a message; if it is a request, its call fails with it.
    async fn post(&mut self, line: Bytes, request: Option<RequestId>) {
        if self.running.len() >= self.max_posts {
            self.running.next().await;
        }
        let (http, endpoint, connection) =
            (self.http.clone(), self.endpoint.clone(), self.connection.clone());
        self.running.push(Box::pin(async move {
            let posted =
                tokio::time::timeout(POST_PATIENCE, http.post_to(&endpoint, Head::default(), line)).await;
            let why = match posted {
                Ok(Ok(())) => return,
                Ok(Err(error)) => refused(error),
                Err(_) => CallError::Silent { after: POST_PATIENCE },
            };
            match request {
                Some(id) => connection.fail(&id, why),
                None => tracing::debug!(%why, "a message did not reach the server"),
            }
        }));
    }

    /// Waits until everything is accepted, but not longer than `patience`.
    async fn settle(&mut self, patience: Duration) {
        let all = async { while self.running.next().await.is_some() {} };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::debug!("the server takes its time to accept messages");
        }
    }
}
