use std::sync::{Arc, OnceLock};
use std::time::Duration;

use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::InitializeParams;
use oxmcp_proto::negotiation::choose_handshake_version;
use uuid::Uuid;

use super::Core;
use super::logging::LogFilter;
use super::subscriptions::Listener;
use super::tasks::Tasks;
use crate::layer::{Inlet, Layers};

/// A session of the handshake era: what `initialize` settled.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) version: ProtocolVersion,
    pub(crate) client_info: Option<RawJson>,
    pub(super) client_capabilities: Option<RawJson>,
    pub(super) log_filter: LogFilter,
    pub(super) listener: Arc<Listener>,
    pub(super) layers: Option<Layers>,
    /// To whom it belongs, if the server is protected: everybody else is told that it is not there.
    pub(crate) principal: OnceLock<Arc<str>>,
    /// What its client shows over HTTP, for layers to see.
    pub(crate) wire_id: OnceLock<Arc<str>>,
    /// Names it among all sessions there ever are, once somebody needs that.
    key: OnceLock<Uuid>,
    /// Ends the tasks of the session.
    tasks: Arc<Tasks>,
    /// How long their store may take.
    patience: Duration,
}

/// Bytes of what a client says of itself in `initialize` that a session keeps. A client that says more is refused.
pub(super) const MAX_IDENTITY: usize = 64 * 1024;

impl Session {
    /// The bytes of what the client said of itself.
    pub(super) fn identity_bytes(&self) -> usize {
        let said = [&self.client_info, &self.client_capabilities];
        said.iter().map(|json| json.as_ref().map_or(0, |json| json.as_bytes().len())).sum()
    }

    pub(super) fn new(params: &InitializeParams, listener: Arc<Listener>, core: &Core) -> Self {
        Self {
            version: choose_handshake_version(&params.protocol_version),
            client_info: RawJson::of(&params.client_info).ok(),
            client_capabilities: RawJson::of(&params.capabilities).ok(),
            log_filter: LogFilter::default(),
            listener,
            layers: core.layers.clone(),
            principal: OnceLock::new(),
            wire_id: OnceLock::new(),
            key: OnceLock::new(),
            tasks: core.tasks.clone(),
            patience: core.limits.store_wait,
        }
    }

    /// The layers before its client, if there are some.
    pub(crate) fn outlet(self: &Arc<Self>) -> Option<Inlet> {
        Some(self.layers.as_ref()?.outlet(self))
    }

    /// Whose the tasks are that it makes.
    pub(super) fn owner(&self) -> String {
        owner(self.key.get_or_init(Uuid::new_v4))
    }

    /// Ends what it has beside the requests in flight: its tasks. For the transport that knows that the session is over.
    pub(crate) fn end(&self) {
        // Without a key it never had any.
        if let Some(key) = self.key.get() {
            self.tasks.end_session(&owner(key), self.patience);
        }
    }
}

fn owner(key: &Uuid) -> String {
    format!("session {key}")
}
