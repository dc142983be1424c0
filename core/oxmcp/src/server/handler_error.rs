use std::fmt;

use oxmcp_proto::jsonrpc::ErrorObject;

use super::input::rpc_of;
use crate::error::with_sources;

/// Why a resource cannot be read, a prompt not be written, or nothing be proposed.
///
/// Any error becomes [`Failed`](Self::Failed) with `?`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HandlerError {
    /// There is nothing of that name; for a resource, the spec's error for it.
    NotFound,
    /// The request asks for what cannot be; `-32602`, with this message.
    Invalid(String),
    /// The handler failed: `-32603`, with this message, which the client sees.
    Failed(String),
    /// Just this error.
    Rpc(ErrorObject),
}

impl HandlerError {
    /// The request asks for what cannot be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// The handler failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// The protocol's error; `not_found` is what the kind of handler has for that.
    pub(super) fn into_rpc(self, not_found: impl FnOnce() -> ErrorObject) -> ErrorObject {
        match self {
            Self::NotFound => not_found(),
            Self::Invalid(message) => ErrorObject::invalid_params(message),
            Self::Failed(message) => ErrorObject::internal(message),
            Self::Rpc(error) => error,
        }
    }
}

/// Any error becomes its text, with its sources. An [`InputError`](super::InputError), or an error caused by one, becomes the error that the
/// spec has for it.
impl<E: std::error::Error + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        match rpc_of(&error) {
            Some(rpc) => Self::Rpc(rpc.clone()),
            None => Self::Failed(with_sources(&error)),
        }
    }
}

/// `HandlerError` is no `std::error::Error`, so that any error can become one.
impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("not found"),
            Self::Invalid(message) | Self::Failed(message) => f.write_str(message),
            Self::Rpc(error) => error.fmt(f),
        }
    }
}
