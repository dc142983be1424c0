use std::ffi::{CStr, c_char};

use oxmcp_bridge::ErrorKind;

/// What a function that can fail returns. The numbers are part of the ABI: they never change, and new ones are
/// added at the end, so treat a number you do not know like OXMCP_INTERNAL.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum oxmcp_result {
    /// It worked.
    OXMCP_OK = 0,
    /// The caller erred: NULL where a value is needed, malformed JSON or options, a handle that was closed, use after
    /// fork().
    OXMCP_MISUSE = 1,
    /// No connection came to be: the command could not be started, the address could not be reached, TLS failed.
    OXMCP_CONNECT = 2,
    /// The connection ended before the answer: the peer exited, closed or broke it, or this side closed it.
    OXMCP_CLOSED = 3,
    /// No answer within the time allowed.
    OXMCP_TIMEOUT = 4,
    /// This side cancelled the operation.
    OXMCP_CANCELLED = 5,
    /// The peer answered with a JSON-RPC error: see oxmcp_error_code, oxmcp_error_message and oxmcp_error_data.
    OXMCP_RPC = 6,
    /// The peer broke MCP, JSON-RPC or HTTP: what it sent cannot be understood.
    OXMCP_PROTOCOL = 7,
    /// A message is larger than the limit.
    OXMCP_TOO_LARGE = 8,
    /// The two sides have no protocol revision in common.
    OXMCP_UNSUPPORTED_VERSION = 9,
    /// The peer did not declare the capability that the operation needs.
    OXMCP_UNSUPPORTED = 10,
    /// The server wants authorization that was not given (HTTP 401 or 403).
    OXMCP_UNAUTHORIZED = 11,
    /// A limit of this side is reached, or the server cannot serve now (HTTP 429 and 5xx); try again later.
    OXMCP_OVERLOADED = 12,
    /// A fault of this library.
    OXMCP_INTERNAL = 13,
}

impl oxmcp_result {
    /// Every result with its name; for the errors, the one their kind has in JSON.
    const NAMES: [(Self, &CStr); 14] = [
        (Self::OXMCP_OK, c"Ok"),
        (Self::OXMCP_MISUSE, c"Misuse"),
        (Self::OXMCP_CONNECT, c"Connect"),
        (Self::OXMCP_CLOSED, c"Closed"),
        (Self::OXMCP_TIMEOUT, c"Timeout"),
        (Self::OXMCP_CANCELLED, c"Cancelled"),
        (Self::OXMCP_RPC, c"Rpc"),
        (Self::OXMCP_PROTOCOL, c"Protocol"),
        (Self::OXMCP_TOO_LARGE, c"TooLarge"),
        (Self::OXMCP_UNSUPPORTED_VERSION, c"UnsupportedVersion"),
        (Self::OXMCP_UNSUPPORTED, c"Unsupported"),
        (Self::OXMCP_UNAUTHORIZED, c"Unauthorized"),
        (Self::OXMCP_OVERLOADED, c"Overloaded"),
        (Self::OXMCP_INTERNAL, c"Internal"),
    ];

    /// The result for the name of an error kind.
    pub(super) fn named(name: &str) -> Self {
        let known = Self::NAMES.iter().find(|(_, known)| known.to_bytes() == name.as_bytes());
        known.map_or(Self::OXMCP_INTERNAL, |(result, _)| *result)
    }
}

impl From<ErrorKind> for oxmcp_result {
    fn from(kind: ErrorKind) -> Self {
        let known = Self::NAMES.iter().find(|(result, _)| *result as u32 == kind as u32);
        known.map_or(Self::OXMCP_INTERNAL, |(result, _)| *result)
    }
}

/// The name of a result, for messages and logs: "Timeout" for OXMCP_TIMEOUT, "Ok" for OXMCP_OK, "Unknown" for a
/// number that this library does not know.
#[unsafe(no_mangle)]
pub extern "C" fn oxmcp_result_name(result: u32) -> *const c_char {
    let known = oxmcp_result::NAMES.iter().find(|(known, _)| *known as u32 == result);
    known.map_or(c"Unknown", |(_, name)| *name).as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_the_numbers_and_names_of_the_error_kinds() {
        let kinds = [
            ErrorKind::Misuse,
            ErrorKind::Connect,
            ErrorKind::Closed,
            ErrorKind::Timeout,
            ErrorKind::Cancelled,
            ErrorKind::Rpc,
            ErrorKind::Protocol,
            ErrorKind::TooLarge,
            ErrorKind::UnsupportedVersion,
            ErrorKind::Unsupported,
            ErrorKind::Unauthorized,
            ErrorKind::Overloaded,
            ErrorKind::Internal,
        ];
        for kind in kinds {
            let result = oxmcp_result::from(kind);
            assert_eq!(result as u32, kind as u32);
            assert_eq!(oxmcp_result::named(&format!("{kind:?}")), result);
        }
        assert_eq!(oxmcp_result::NAMES.len(), kinds.len() + 1);
    }
}
