use std::sync::Arc;

use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::RequestMeta;

use crate::server::Session;

/// What is known of the connection of a message.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) carrier: Carrier,
    pub(crate) session_id: Option<Arc<str>>,
    pub(crate) version: Option<ProtocolVersion>,
    pub(crate) peer_info: Option<RawJson>,
}

/// What carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Carrier {
    /// The standard streams of a process.
    Stdio,
    /// Streamable HTTP, or the HTTP+SSE of 2024-11-05.
    Http,
    /// Any other stream of lines: a socket, memory, a transport of one's own.
    Stream,
}

impl Facts {
    /// What a server knows of the connection of a message: what its session says, or else the message itself.
    pub(super) fn of_server(
        params: Option<&RawJson>,
        session: Option<&Arc<Session>>,
        carrier: Carrier,
    ) -> Self {
        // What cannot be read is refused further in.
        let meta = RequestMeta::of(params).unwrap_or_default();
        let said = meta.protocol_version.as_deref().and_then(|version| version.parse().ok());
        let info = params.zip(meta.client_info).map(|(params, info)| params.part(info));
        let session = session.filter(|_| said.is_none());
        Self {
            carrier,
            session_id: session.and_then(|session| session.wire_id.get().cloned()),
            version: said.or(session.map(|session| session.version)),
            peer_info: info.or_else(|| session?.client_info.clone()),
        }
    }
}
