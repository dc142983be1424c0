use std::fmt;
use std::sync::Arc;

use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::Implementation;
use oxmcp_proto::negotiation::Negotiated;

use super::Client;
use super::inbound::Inbound;

/// What a handler of a client knows of what the server asks or tells. A clone is the same context.
#[derive(Clone)]
pub struct ClientContext {
    inbound: Inbound,
    negotiated: Arc<Negotiated>,
    meta: Option<RawJson>,
}

impl ClientContext {
    pub(super) fn new(inbound: Inbound, negotiated: Arc<Negotiated>, meta: Option<RawJson>) -> Self {
        Self { inbound, negotiated, meta }
    }

    /// The client that is asked or told. `None` while it connects, and when it is gone: a handler does not keep it alive.
    pub fn client(&self) -> Option<Client> {
        self.inbound.client()
    }

    /// Who the server says it is. Self-reported: for display and logs.
    pub fn server_info(&self) -> &Implementation {
        &self.negotiated.server_info
    }

    /// The revision both sides speak.
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.negotiated.version
    }

    /// The `_meta` of the message, as JSON.
    pub fn meta(&self) -> Option<&RawJson> {
        self.meta.as_ref()
    }
}

impl fmt::Debug for ClientContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientContext")
            .field("server", &self.negotiated.server_info.name)
            .field("version", &self.negotiated.version)
            .finish_non_exhaustive()
    }
}
