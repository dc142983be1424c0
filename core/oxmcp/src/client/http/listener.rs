use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::abortable;
use http::StatusCode;
use oxmcp_proto::jsonrpc::{self, Message};

use super::Shared;
use super::standing::{Standing, lock};
use crate::auth::Effort;
use crate::transport::http::{Cursor, Event, EventStream, HttpError};
use crate::{ErrorKind, clock};

/// The least time between two sessions that are opened only to go on listening. A call opens one at once.
const RENEWAL_PAUSE: Duration = Duration::from_secs(10);

impl Shared {
    /// Hears what the server says by itself, for as long as the session and the client live (2025-11-25, transports, "Listening for Messages
    /// from the Server"). A server that has no such stream says so once; a stream that is lost is opened again where it was, with pauses that
    /// grow up to a minute while nothing comes. One for which the user would have to authorize the client waits until they have.
    pub(super) fn listen(self: &Arc<Self>, standing: Standing) {
        let shared = self.clone();
        let (listening, abort) = abortable(async move { shared.hear_all(&standing).await });
        if let Some(last) = lock(&self.listener).replace(abort) {
            last.abort();
        }
        self.spawn(async move {
            // Whether it came to its end or was told to makes no difference.
            let _ = listening.await;
        });
    }

    async fn hear_all(self: &Arc<Self>, standing: &Standing) {
        let mut cursor = Cursor::default();
        let began = clock::now();
        let (mut was_tried, mut was_open) = (false, false);
        loop {
            match self.http.open(standing.quietly(""), cursor.last_id()).await {
                Ok(mut events) => {
                    if was_tried && cursor.last_id().is_none() {
                        // What was said meanwhile does not come again.
                        self.inbound.missed();
                    }
                    was_open = true;
                    let ended = self.hear(&mut events, standing).await;
                    cursor.follow(&events);
                    if let Err(error) = ended {
                        tracing::debug!(%error, "the stream of the server's own messages is lost");
                        if !error.may_pass() {
                            // It would come again.
                            cursor.skip();
                        }
                    }
                }
                Err(error) if error.may_pass() => cursor.fail(),
                Err(HttpError::Status { status: StatusCode::NOT_FOUND, .. })
                    if was_open && standing.session.is_some() =>
                {
                    tokio::time::sleep_until((began + RENEWAL_PAUSE).into()).await;
                    match self.renew(standing, Effort::Quiet).await {
                        // The new session has its own.
                        Ok(()) => return,
                        Err(why) => {
                            cursor.fail();
                            self.until_authorized(why.kind).await;
                        }
                    }
                }
                Err(HttpError::Unauthorized(error)) => {
                    tracing::debug!(%error, "the stream of the server's own messages has to wait");
                    cursor.fail();
                    self.until_authorized(error.kind()).await;
                }
                // It may be the event that the server does not know any more.
                Err(_) if cursor.last_id().is_some() => cursor.skip(),
                Err(error) if was_open => {
                    tracing::debug!(%error, "the server refuses the stream of its own messages, which it has");
                    cursor.fail();
                }
                Err(error) => {
                    tracing::debug!(%error, "the server has no stream of its own messages");
                    return;
                }
            }
            was_tried = true;
            tokio::time::sleep(cursor.delay()).await;
        }
    }

    /// If the user has to authorize the client, waits until they have: nobody asks them for this stream.
    async fn until_authorized(&self, why: ErrorKind) {
        if let (ErrorKind::Unauthorized, Some(authorizer)) = (why, self.http.authorizer()) {
            authorizer.renewed().await;
        }
    }

    /// Hears one stream to its end.
    async fn hear(self: &Arc<Self>, events: &mut EventStream, standing: &Standing) -> Result<(), HttpError> {
        while let Some(event) = events.next().await? {
            if let Event::Message(message) = event {
                self.take_apart(message, standing);
            }
        }
        Ok(())
    }

    fn take_apart(self: &Arc<Self>, message: Bytes, standing: &Standing) {
        match jsonrpc::parse(message, self.max_depth) {
            Ok(Message::Batch(members)) => {
                for message in members.into_iter().flatten() {
                    self.take(message, standing);
                }
            }
            Ok(message) => self.take(message, standing),
            Err(error) => tracing::debug!(%error, "an event that holds no JSON-RPC message"),
        }
    }
}
