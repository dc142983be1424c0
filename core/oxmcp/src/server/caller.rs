use std::sync::Arc;

use super::Session;
use crate::auth::AuthInfo;

/// Who sends a request, as the transport knows it.
#[derive(Clone, Default)]
pub(crate) struct Caller<'a> {
    /// What `initialize` opened, if the request is of a session.
    pub(crate) session: Option<&'a Arc<Session>>,
    /// What its access token says, if the server is protected.
    pub(crate) auth: Option<Arc<AuthInfo>>,
}

impl<'a> Caller<'a> {
    /// The client of a session, or of none, at a server that is not protected.
    pub(crate) fn of(session: Option<&'a Arc<Session>>) -> Self {
        Self { session, auth: None }
    }
}
