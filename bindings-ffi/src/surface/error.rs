use std::fmt;

/// A call that failed at once. Failures of operations come out of the queue, as
/// [`FfiEventKind::Failed`](crate::FfiEventKind::Failed), in the same form.
#[derive(Clone, Debug, uniffi::Error)]
pub enum FfiError {
    /// The one case.
    Failed {
        /// UTF-8 JSON: `{"kind": "Misuse", "message": "...", "code"?: -32602, "data"?: ...}`. `kind` is one of Misuse,
        /// Connect, Closed, Timeout, Cancelled, Rpc, Protocol, TooLarge, UnsupportedVersion, Unsupported, Unauthorized,
        /// Overloaded and Internal; take a name you do not know for Internal.
        error: Vec<u8>,
    },
}

impl From<oxmcp_bridge::Error> for FfiError {
    fn from(error: oxmcp_bridge::Error) -> Self {
        Self::Failed { error: error.to_json().into() }
    }
}

impl fmt::Display for FfiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Failed { error } = self;
        f.write_str(&String::from_utf8_lossy(error))
    }
}

impl std::error::Error for FfiError {}
