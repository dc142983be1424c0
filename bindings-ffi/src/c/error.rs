use std::ffi::c_char;
use std::ptr;

use oxmcp_bridge::Error;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::boundary::{Output, free, guard};
use super::json::oxmcp_json;
use super::result::oxmcp_result;
use super::text::terminated;

/// What went wrong. Whoever receives one frees it with oxmcp_error_free. It may be read from any thread.
#[derive(Debug)]
pub struct oxmcp_error {
    kind: oxmcp_result,
    message: Box<[u8]>,
    code: Option<i64>,
    data: Option<Box<oxmcp_json>>,
}

impl oxmcp_error {
    /// The caller erred.
    pub(super) fn misuse(message: impl AsRef<str>) -> Self {
        Self::new(oxmcp_result::OXMCP_MISUSE, message.as_ref())
    }

    /// This library erred.
    pub(super) fn internal(message: impl AsRef<str>) -> Self {
        Self::new(oxmcp_result::OXMCP_INTERNAL, message.as_ref())
    }

    /// An error without a code.
    pub(super) fn new(kind: oxmcp_result, message: &str) -> Self {
        // A C string ends at the first NUL, and a peer's message may hold one.
        Self {
            kind,
            message: terminated(message.replace('\0', "\u{fffd}").as_bytes()),
            code: None,
            data: None,
        }
    }

    /// Reads the form in which errors cross the bridge.
    pub(super) fn from_json(json: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Form<'a> {
            kind: &'a str,
            message: String,
            code: Option<i64>,
            #[serde(borrow)]
            data: Option<&'a RawValue>,
        }
        match serde_json::from_slice::<Form<'_>>(json) {
            Ok(form) => Self {
                code: form.code,
                data: form.data.map(|data| Box::new(oxmcp_json::new(data.get().as_bytes()))),
                ..Self::new(oxmcp_result::named(form.kind), &form.message)
            },
            Err(error) => Self::internal(format!("an error could not be read: {error}")),
        }
    }

    /// What went wrong.
    pub(super) fn kind(&self) -> oxmcp_result {
        self.kind
    }

    /// The message.
    #[cfg(test)]
    pub(super) fn message(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.message[..self.message.len() - 1])
    }
}

impl From<Error> for oxmcp_error {
    fn from(error: Error) -> Self {
        Self {
            code: error.code(),
            data: error.data().map(|data| Box::new(oxmcp_json::new(data))),
            ..Self::new(error.kind().into(), error.message())
        }
    }
}

/// What went wrong: one of the OXMCP_... numbers, never OXMCP_OK. For NULL, OXMCP_OK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_error_kind(error: *const oxmcp_error) -> oxmcp_result {
    // SAFETY: by contract NULL or a live error.
    unsafe { error.as_ref() }.map_or(oxmcp_result::OXMCP_OK, |error| error.kind)
}

/// The message for people, in UTF-8: what happened, which side erred and what to do. It lives as long as the error.
/// For NULL, the empty string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_error_message(error: *const oxmcp_error) -> *const c_char {
    // SAFETY: by contract NULL or a live error.
    unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr().cast())
}

/// Writes the peer's JSON-RPC error code to `code` and returns true; returns false when there is none, which is so
/// for every kind but OXMCP_RPC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_error_code(error: *const oxmcp_error, code: *mut i64) -> bool {
    // SAFETY: by contract NULL or a live error.
    let found = unsafe { error.as_ref() }.and_then(|error| error.code);
    if let Some(found) = found {
        // SAFETY: by contract NULL or a place to write to.
        unsafe { Output::optional(code) }.set(found);
    }
    found.is_some()
}

/// The peer's error data, or NULL when there is none. It lives as long as the error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_error_data(error: *const oxmcp_error) -> *const oxmcp_json {
    // SAFETY: by contract NULL or a live error.
    let data = unsafe { error.as_ref() }.and_then(|error| error.data.as_deref());
    guard(ptr::null(), || data.map_or(ptr::null(), ptr::from_ref))
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_error_free(error: *mut oxmcp_error) {
    // SAFETY: by contract NULL or an error the caller owns and no longer uses.
    unsafe { free(error) }
}

#[cfg(test)]
mod tests {
    use oxmcp_bridge::ErrorKind;

    use super::*;

    #[test]
    fn reads_the_form_that_crosses_the_bridge() {
        let error = oxmcp_error::from_json(
            br#"{"kind":"Rpc","message":"no \"such\" tool","code":-32602,"data":{"a":1}}"#,
        );
        assert_eq!(error.kind(), oxmcp_result::OXMCP_RPC);
        assert_eq!(error.message(), "no \"such\" tool");
        assert_eq!(error.code, Some(-32602));
        assert_eq!(error.data.expect("data").bytes(), br#"{"a":1}"#);
    }

    #[test]
    fn a_bridge_error_reads_the_same_directly_and_as_json() {
        let error = Error::new(ErrorKind::TooLarge, "20 MiB is more than 16 MiB");
        let read = oxmcp_error::from_json(&error.to_json());
        assert_eq!(read.kind(), oxmcp_result::OXMCP_TOO_LARGE);
        assert_eq!(read.message(), oxmcp_error::from(error).message());
    }

    #[test]
    fn a_nul_does_not_cut_the_message() {
        assert_eq!(oxmcp_error::misuse("a\0b").message(), "a\u{fffd}b");
    }

    #[test]
    fn what_cannot_be_read_is_an_internal_error() {
        assert_eq!(oxmcp_error::from_json(b"nonsense").kind(), oxmcp_result::OXMCP_INTERNAL);
    }
}
