use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::{SubscribeParams, UnsubscribeParams};

use super::tell::tell;
use crate::server::incoming::{Incoming, Sender, invalid_params};
use crate::server::{Core, Outcome, Peer, Session};

impl Core {
    /// Answers `resources/subscribe`. The resource need not be there, or be there yet.
    pub(in crate::server) fn subscribe_resource(&self, incoming: &Incoming) -> Outcome {
        let params: SubscribeParams = incoming.params().to().map_err(|error| invalid_params(&error))?;
        if !session_of(incoming)?.listener.subscribe(&params.uri) {
            let limit = self.limits.resource_subscriptions;
            let why = format!(
                "too many subscriptions in this session, or too long ones (limit {limit}); unsubscribe first"
            );
            return Err(ErrorObject::internal(why));
        }
        Ok(RawJson::empty_object())
    }

    /// Answers `resources/unsubscribe`.
    pub(in crate::server) fn unsubscribe_resource(&self, incoming: &Incoming) -> Outcome {
        let params: UnsubscribeParams = incoming.params().to().map_err(|error| invalid_params(&error))?;
        session_of(incoming)?.listener.unsubscribe(&params.uri);
        Ok(RawJson::empty_object())
    }
}

impl Session {
    /// Tells its client what changes, as far as it keeps up, until the future is dropped; it is never done. What changes meanwhile waits in
    /// the session, each once. A session may be told on several streams: each change goes to one of them.
    pub(crate) fn tell_changes(
        self: &Arc<Self>,
        peer: Arc<dyn Peer>,
    ) -> impl Future<Output = Infallible> + Send + 'static {
        let session = self.clone();
        let peer = match &self.layers {
            None => peer,
            Some(layers) => layers.before(peer, self),
        };
        async move { tell(&session.listener, &*peer, None).await }
    }
}

fn session_of(incoming: &Incoming) -> Result<&Session, ErrorObject> {
    match &incoming.client {
        Sender::Session(session) => Ok(session),
        // No revision without sessions has the methods.
        Sender::Stateless { .. } => Err(ErrorObject::invalid_params("there is no session to subscribe in")),
    }
}
