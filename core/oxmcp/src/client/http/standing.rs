use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderValue;
use oxmcp_proto::ProtocolVersion;

use crate::auth::Effort;
use crate::transport::http::Head;

/// What the negotiation came to, as every later request says it.
#[derive(Clone, Default)]
pub(super) struct Standing {
    /// The revision, once there is one.
    pub(super) version: Option<ProtocolVersion>,
    /// The session, in the handshake era, if the server keeps one.
    pub(super) session: Option<HeaderValue>,
}

impl Standing {
    pub(super) fn head<'a>(&'a self, method: &'a str) -> Head<'a> {
        Head { version: self.version, method, session: self.session.as_ref(), ..Head::default() }
    }

    /// The same for what nobody waits for, so that no user is asked for it.
    pub(super) fn quietly<'a>(&'a self, method: &'a str) -> Head<'a> {
        Head { effort: Effort::Quiet, ..self.head(method) }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
