use std::fmt;

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::ErrorObject;

use crate::error::with_sources;

/// Why there is no input.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum InputError {
    /// The user does not want this.
    Refused,
    /// Something failed. The words stay on this side: the server gets an internal error without them.
    Failed(String),
    /// The server gets this error.
    Rpc(ErrorObject),
}

impl InputError {
    /// Something failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// The error that a server gets.
    pub(super) fn into_rpc(self, method: Method) -> ErrorObject {
        match self {
            // The code is that of the spec's example (2025-11-25, sampling, "Error Handling").
            Self::Refused => ErrorObject::new(REFUSED, format!("the user refused {}", method.name())),
            Self::Failed(why) => {
                tracing::error!(method = method.name(), why, "a handler failed");
                ErrorObject::internal(format!("the client's handler of {} failed", method.name()))
            }
            Self::Rpc(error) => error,
        }
    }
}

/// The user refused (2025-11-25, sampling, "Error Handling").
const REFUSED: i64 = -1;

/// Any error becomes a failure, with its sources.
impl<E: std::error::Error> From<E> for InputError {
    fn from(error: E) -> Self {
        Self::Failed(with_sources(&error))
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("the user refused"),
            Self::Failed(message) => f.write_str(message),
            Self::Rpc(error) => write!(f, "{error}"),
        }
    }
}
