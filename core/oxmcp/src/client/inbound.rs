use std::sync::{Arc, OnceLock};

use oxmcp_proto::jsonrpc::{ErrorObject, MethodName, Notification, RawJson, Request};
use oxmcp_proto::methods::{Kind, Sender};
use oxmcp_proto::negotiation::Negotiated;
use oxmcp_proto::{Era, Method, ProtocolVersion};

use crate::server::Answer;

/// What a client does with what the server asks and tells, whatever way it came. Clones are the same.
#[derive(Clone)]
pub(crate) struct Inbound(Arc<State>);

struct State {
    /// What was agreed on, once it is.
    negotiated: OnceLock<Negotiated>,
}

impl Inbound {
    pub(super) fn new() -> Self {
        Self(Arc::new(State { negotiated: OnceLock::new() }))
    }

    /// Says what was agreed on. Call it before the server hears that the session may begin.
    pub(super) fn agree(&self, negotiated: &Negotiated) {
        // A connection negotiates once.
        let _ = self.0.negotiated.set(negotiated.clone());
    }

    /// The revision, once it is agreed on.
    pub(crate) fn version(&self) -> Option<ProtocolVersion> {
        self.0.negotiated.get().map(|negotiated| negotiated.version)
    }

    /// Whether the server may ask anything: a server of the stateless era asks its client nothing, and a client answers nothing
    /// (2026-07-28, stdio).
    pub(crate) fn may_be_asked(&self) -> bool {
        self.version().is_none_or(|version| version.era() == Era::Handshake)
    }

    /// Answers a request of the server. Never blocks; dropping a future that it gives cancels the work.
    pub(crate) fn answer(&self, request: Request) -> Answer {
        match self.accept(&request.method) {
            Ok(Method::Ping) => Answer::Ready(Ok(RawJson::empty_object())),
            Ok(method) => Answer::Refused(ErrorObject::method_not_found(method.name())),
            Err(error) => Answer::Refused(error),
        }
    }

    /// Takes a notification of the server. Never blocks.
    pub(crate) fn notified(&self, notification: Notification) {
        tracing::debug!(method = %notification.method, "notification");
    }

    /// Refuses what a server does not ask, and what the revision does not have.
    fn accept(&self, name: &MethodName) -> Result<Method, ErrorObject> {
        // Before a revision is agreed on, a server may ask whether anyone is there (2025-11-25, lifecycle).
        let is_in = |method: Method| match self.version() {
            Some(version) => method.is_in(version),
            None => method == Method::Ping,
        };
        match name {
            MethodName::Known(method) => {
                let info = method.info();
                let is_asked = info.kind == Kind::Request && info.sender != Sender::Client && is_in(*method);
                if is_asked { Ok(*method) } else { Err(ErrorObject::method_not_found(info.name)) }
            }
            MethodName::Other(name) => Err(ErrorObject::method_not_found(name)),
        }
    }
}
