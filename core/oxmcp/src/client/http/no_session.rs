use crate::{Error, ErrorKind};

/// Why there is no new session.
#[derive(Clone, Debug)]
pub(in crate::client) struct NoSession {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
    pub(super) may_pass: bool,
}

impl From<Error> for NoSession {
    fn from(error: Error) -> Self {
        Self { kind: error.kind(), message: error.to_string(), may_pass: error.may_pass() }
    }
}
