use std::fmt;

use oxmcp_proto::jsonrpc::ErrorObject;

use crate::error::with_sources;
use crate::server::input::rpc_of;

/// Why a tool has nothing to say.
#[derive(Clone, Debug)]
pub enum ToolError {
    /// The tool failed in a way that a model should see: a result with `isError` and this text.
    Failed(String),
    /// The request itself fails, with a JSON-RPC error.
    Rpc(ErrorObject),
}

impl ToolError {
    /// The tool failed in a way that a model should see.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}

/// Any error becomes text that the model sees, with its sources. An [`InputError`](super::super::InputError), or an error caused by one,
/// fails the request where the spec has an error for it.
impl<E: std::error::Error + 'static> From<E> for ToolError {
    fn from(error: E) -> Self {
        match rpc_of(&error) {
            Some(rpc) => Self::Rpc(rpc.clone()),
            None => Self::Failed(with_sources(&error)),
        }
    }
}

/// Lets `?` and `Result<_, ToolError>` both work: `ToolError` is no `std::error::Error`, so that any error can become one.
impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(message) => f.write_str(message),
            Self::Rpc(error) => write!(f, "{error}"),
        }
    }
}
