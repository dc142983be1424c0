use std::sync::Arc;

use bytes::Bytes;
use oxmcp_proto::Era;
use oxmcp_proto::jsonrpc::{self, Message};

use super::{Shared, Standing};
use crate::transport::http::{Cursor, Event, EventStream, HttpError};

impl Shared {
    /// Hears what the server says by itself, for as long as the session and the client live (2025-11-25, transports, "Listening for Messages
    /// from the Server"). A server that has no such stream says so once; a stream that is lost is opened again where it was, with pauses that
    /// grow up to a minute while nothing comes.
    pub(super) fn listen(self: &Arc<Self>, standing: Standing) {
        let shared = self.clone();
        self.spawn(async move { shared.hear_all(&standing).await });
    }

    async fn hear_all(self: &Arc<Self>, standing: &Standing) {
        let mut cursor = Cursor::default();
        loop {
            match self.http.open(standing.head(""), cursor.last_id()).await {
                Ok(mut events) => {
                    let ended = self.hear(&mut events).await;
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
                // It may be the event that the server does not know any more.
                Err(_) if cursor.last_id().is_some() => cursor.skip(),
                Err(error) => {
                    tracing::debug!(%error, "the server has no stream of its own messages");
                    return;
                }
            }
            tokio::time::sleep(cursor.delay()).await;
        }
    }

    /// Hears one stream to its end.
    async fn hear(self: &Arc<Self>, events: &mut EventStream) -> Result<(), HttpError> {
        while let Some(event) = events.next().await? {
            if let Event::Message(message) = event {
                self.take_apart(message);
            }
        }
        Ok(())
    }

    fn take_apart(self: &Arc<Self>, message: Bytes) {
        match jsonrpc::parse(message, self.max_depth) {
            Ok(Message::Batch(members)) => {
                for message in members.into_iter().flatten() {
                    self.take(message, Era::Handshake, None);
                }
            }
            Ok(message) => self.take(message, Era::Handshake, None),
            Err(error) => tracing::debug!(%error, "an event that holds no JSON-RPC message"),
        }
    }
}
