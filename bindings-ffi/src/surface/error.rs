use std::fmt;

use oxmcp_bridge::{Error, ErrorKind};

use crate::guard::attempt;

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

impl From<Error> for FfiError {
    fn from(error: Error) -> Self {
        Self::Failed { error: error.to_json().into() }
    }
}

impl FfiError {
    /// What `body` gives; a panic in it as the kind `Internal`.
    ///
    /// Swift ends the process over an error of a function that is not said to fail, and UniFFI makes an error of every
    /// panic. So every function here that may panic goes through this, or through [`guard`](crate::guard::guard).
    pub(crate) fn attempt<T>(body: impl FnOnce() -> T) -> Result<T, Self> {
        attempt(body).map_err(|panic| Error::new(ErrorKind::Internal, panic).into())
    }
}

impl fmt::Display for FfiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Failed { error } = self;
        f.write_str(&String::from_utf8_lossy(error))
    }
}

impl std::error::Error for FfiError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error() {
        let FfiError::Failed { error } =
            FfiError::attempt::<u32>(|| panic!("lost it")).expect_err("it panicked");
        let error = String::from_utf8(error).expect("JSON is UTF-8");
        assert!(error.starts_with(r#"{"kind":"Internal","message":"oxmcp panicked"#), "{error}");
        assert!(error.contains("lost it"), "{error}");
    }
}
