use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::SubscriptionFilter;
use tokio::sync::oneshot;

use crate::Result;
use crate::auth::Effort;
use crate::client::{Call, Client};

/// A stream of notifications has no end by itself.
const FOR_EVER: Duration = Duration::MAX;

/// A stream of notifications: a `subscriptions/listen` in flight. Dropping it closes it.
pub(super) struct Stream {
    call: Pin<Box<dyn Future<Output = Ended> + Send>>,
    acknowledgment: oneshot::Receiver<SubscriptionFilter>,
    /// How it ended, if that came together with its acknowledgment.
    ended: Option<Ended>,
}

/// How a stream ended: with the result that says that the server closes it (2026-07-28, subscriptions, "Graceful Closure"), or with an error.
pub(super) type Ended = Result<RawJson>;

impl Stream {
    /// Opens a stream with these parameters. From now on, no other stream is acknowledged.
    pub(super) fn open(client: &Client, params: RawJson, effort: Effort) -> Self {
        let number = Arc::new(OnceLock::new());
        let acknowledgment = client.inner.listening.expect(number.clone());
        let call = Call::new(Method::Listen, params).timeout(FOR_EVER).max_timeout(FOR_EVER);
        let call = Call { number: Some(number), effort, ..call };
        let client = client.without_handle();
        Self { call: Box::pin(async move { client.call(call).await }), acknowledgment, ended: None }
    }

    /// Waits until the server has acknowledged the stream, and gives to what it agreed; or how the stream ended before. Once.
    pub(super) async fn acknowledged(&mut self) -> Result<SubscriptionFilter, Ended> {
        tokio::select! {
            biased;
            Ok(filter) = &mut self.acknowledgment => Ok(filter),
            ended = &mut self.call => match self.acknowledgment.try_recv() {
                Ok(filter) => {
                    self.ended = Some(ended);
                    Ok(filter)
                }
                Err(_) => Err(ended),
            },
        }
    }

    /// Waits for the end. Once.
    pub(super) async fn end(&mut self) -> Ended {
        match self.ended.take() {
            Some(ended) => ended,
            None => (&mut self.call).await,
        }
    }
}
