use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use http::Uri;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{self, Message, MethodName, Notification, Request, RequestId};
use oxmcp_proto::link::{CallError, CloseReason};
use oxmcp_proto::model::CancelledParams;
use rustc_hash::FxHashMap;
use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream, ReadHalf};
use tokio::sync::oneshot;

use super::super::failure::refused;
use super::aside::Aside;
use crate::Limits;
use crate::auth::{Effort, within_rest};
use crate::connection::Connection;
use crate::transport::http::{Head, HttpClient};

/// How long the server may take to accept a message, beside what a user takes to authorize the client for it.
const POST_PATIENCE: Duration = Duration::from_secs(60);

/// How long a notification waits for the messages before it to be accepted, and holds up those after it.
const ORDER_PATIENCE: Duration = Duration::from_secs(1);

/// The messages on their way to the server.
///
/// A server may accept a request only when it was served, and ask something before it is. So requests and answers do not wait for one
/// another: `Limits::http_connections` requests are posted at once, and as many other messages beside them; requests past it wait aside, and
/// lines are read on behind them. What is neither read nor posted is the link's, within its limits.
pub(super) struct Posts {
    http: HttpClient,
    endpoint: Uri,
    connection: Connection,
    max_depth: usize,
    max_posts: usize,
    /// The requests that the server has not accepted yet.
    requests: FuturesUnordered<BoxFuture<'static, i64>>,
    /// What ends when it has accepted one of them, by their numbers.
    accepted: FxHashMap<i64, oneshot::Receiver<Infallible>>,
    /// The requests for which there is no room among them.
    aside: Aside,
    /// Answers and notifications.
    others: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Posts {
    pub(super) fn new(http: HttpClient, endpoint: Uri, connection: Connection, limits: &Limits) -> Self {
        Self {
            http,
            endpoint,
            connection,
            max_depth: limits.message_depth,
            max_posts: limits.http_connections.max(1),
            requests: FuturesUnordered::new(),
            accepted: FxHashMap::default(),
            aside: Aside::new(limits.unsent_bytes),
            others: FuturesUnordered::new(),
        }
    }

    /// Posts line after line.
    pub(super) async fn run(&mut self, reader: ReadHalf<DuplexStream>) -> CloseReason {
        let mut lines = BufReader::new(reader).split(b'\n');
        loop {
            tokio::select! {
                () = self.next_accepted(), if self.is_busy() => {}
                line = lines.next_segment(), if self.others.len() < self.max_posts => match line {
                    Ok(Some(line)) => self.take(line.into()).await,
                    _ => return CloseReason::Local,
                },
            }
        }
    }

    /// Fails the calls of which nothing was posted: there is nowhere to post it any more.
    pub(super) fn end(&mut self, reason: &CloseReason) {
        while let Some((number, _)) = self.aside.pop() {
            self.connection.fail(&RequestId::Number(number), CallError::Unsent(reason.clone()));
        }
    }

    async fn take(&mut self, line: Bytes) {
        match jsonrpc::parse(line.clone(), self.max_depth) {
            Ok(Message::Request(Request { id: RequestId::Number(number), .. })) => {
                self.ask(number, line);
            }
            Ok(Message::Notification(notification)) => match cancelled(&notification) {
                Some(number) => self.cancel(number, line),
                None => {
                    self.settle().await;
                    self.post(line, Effort::Quiet);
                    self.settle().await;
                }
            },
            // The stream does not say for which call the server asks.
            Ok(Message::Response(_)) if self.connection.is_waiting() => self.post(line, Effort::Full),
            _ => self.post(line, Effort::Quiet),
        }
    }

    /// Posts a request as soon as there is room.
    fn ask(&mut self, number: i64, line: Bytes) {
        if self.requests.len() < self.max_posts {
            self.post_request(number, line);
        } else if !self.aside.push(number, line) {
            self.connection.fail(&RequestId::Number(number), CallError::Overloaded);
        }
    }

    /// Posts a request; its call fails with it.
    fn post_request(&mut self, number: i64, line: Bytes) {
        let (accept, accepted) = oneshot::channel();
        self.accepted.insert(number, accepted);
        let (post, connection) = (self.attempt(line, Effort::Full), self.connection.clone());
        self.requests.push(Box::pin(async move {
            let _accept = accept;
            if let Err(why) = post.await {
                connection.fail(&RequestId::Number(number), why);
            }
            number
        }));
    }

    /// Posts an answer or a notification.
    fn post(&self, line: Bytes, effort: Effort) {
        let post = self.attempt(line, effort);
        self.others.push(Box::pin(async move { in_vain(post.await) }));
    }

    /// Tells the server that a request is no longer waited for: when it has that, if it takes no time, and not at all if it has never heard
    /// of it.
    fn cancel(&mut self, number: i64, line: Bytes) {
        if self.aside.remove(number) {
            return;
        }
        let (accepted, post) = (self.accepted.remove(&number), self.attempt(line, Effort::Quiet));
        self.others.push(Box::pin(async move {
            if let Some(accepted) = accepted {
                // It tells by its end.
                let _ = tokio::time::timeout(ORDER_PATIENCE, accepted).await;
            }
            in_vain(post.await);
        }));
    }

    /// No user is asked for what nobody waits for: a notification, and an answer while no call is in flight.
    fn attempt(
        &self,
        line: Bytes,
        effort: Effort,
    ) -> impl Future<Output = Result<(), CallError>> + Send + use<> {
        let (http, endpoint) = (self.http.clone(), self.endpoint.clone());
        async move {
            let post = http.post_to(&endpoint, Head { effort, ..Head::default() }, line);
            match within_rest(http.authorizer(), POST_PATIENCE, post).await {
                Ok(posted) => posted.map_err(refused),
                Err(_) => Err(CallError::Silent { after: POST_PATIENCE }),
            }
        }
    }

    /// Waits until everything is accepted, but not long.
    async fn settle(&mut self) {
        let all = async {
            while self.is_busy() {
                self.next_accepted().await;
            }
        };
        if tokio::time::timeout(ORDER_PATIENCE, all).await.is_err() {
            tracing::debug!("the server takes its time to accept messages");
        }
    }

    fn is_busy(&self) -> bool {
        !self.requests.is_empty() || !self.others.is_empty()
    }

    /// Waits until one more message is accepted, or given up. A request that waits takes its room.
    async fn next_accepted(&mut self) {
        tokio::select! {
            Some(number) = self.requests.next() => {
                self.accepted.remove(&number);
                if let Some((number, line)) = self.aside.pop() {
                    self.post_request(number, line);
                }
            }
            Some(()) = self.others.next() => {}
            else => {}
        }
    }
}

/// The request that a notification says to be no longer waited for.
fn cancelled(notification: &Notification) -> Option<i64> {
    if notification.method != MethodName::Known(Method::Cancelled) {
        return None;
    }
    let params: CancelledParams = notification.params.as_ref()?.to().ok()?;
    params.request_id?.as_number()
}

/// Nobody waits for the message.
fn in_vain(posted: Result<(), CallError>) {
    if let Err(why) = posted {
        tracing::debug!(%why, "a message did not reach the server");
    }
}
