//! The header fields of Streamable HTTP, and how a value that is no plain header text is written into one.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The nonce that proofs of possession have to hold from now on (RFC 9449, section 9).
pub(super) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// The session, in the handshake era.
pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// The last event that the client has seen of the stream it comes back to.
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The revision of the request.
pub(super) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The request's `method` once more (2026-07-28).
pub(super) const METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// The name or URI of what the request concerns once more (2026-07-28).
pub(super) const NAME: HeaderName = HeaderName::from_static("mcp-name");

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

const SENTINEL_START: &str = "=?base64?";
const SENTINEL_END: &str = "?=";

/// The one value of a field, if it is there. Whoever sends it twice makes two readers disagree, so that is an error.
pub(super) fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Repeated> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        _ => Err(Repeated),
    }
}

/// The field is there more than once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated;

/// Writes a value as a header has it: as it is where that is safe, else in Base64 between the sentinels (2026-07-28, Streamable HTTP,
/// "Value Encoding").
pub(super) fn encode(value: &str) -> HeaderValue {
    let is_text = value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    let is_padded = value.trim_matches([' ', '\t']).len() < value.len();
    let looks_encoded = value.starts_with(SENTINEL_START) && value.ends_with(SENTINEL_END);
    let is_plain = is_text && !is_padded && !looks_encoded;
    let plain = is_plain.then(|| HeaderValue::from_str(value).ok()).flatten();
    plain.unwrap_or_else(|| {
        let encoded = format!("{SENTINEL_START}{}{SENTINEL_END}", STANDARD.encode(value));
        // Base64 and the sentinels are plain.
        HeaderValue::from_str(&encoded).unwrap_or_else(|_| HeaderValue::from_static(""))
    })
}

/// Reads a value that [`encode`] wrote; `None` when it holds what no header may, or bad Base64.
pub(super) fn decode(value: &HeaderValue) -> Option<Cow<'_, str>> {
    let value = value.to_str().ok()?;
    match value.strip_prefix(SENTINEL_START).and_then(|rest| rest.strip_suffix(SENTINEL_END)) {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok().map(Cow::Owned),
        None => Some(Cow::Borrowed(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_spec() {
        for (value, header) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("in the middle", "in the middle"),
            ("", ""),
        ] {
            assert_eq!(encode(value), header);
            assert_eq!(decode(&encode(value)).unwrap(), value);
        }
    }

    #[test]
    fn bad_base64_and_raw_bytes_are_refused() {
        for header in ["=?base64?SGVsbG8?=", "=?base64?%%%?=", "=?base64?/w==?="] {
            assert_eq!(decode(&HeaderValue::from_static(header)), None, "{header}");
        }
        assert_eq!(decode(&HeaderValue::from_bytes(b"caf\xc3\xa9").unwrap()), None);
        assert_eq!(decode(&HeaderValue::from_static("SGVsbG8=")).unwrap(), "SGVsbG8=");
    }

    #[test]
    fn a_field_that_comes_twice_is_no_value() {
        let mut headers = HeaderMap::new();
        assert_eq!(only(&headers, &NAME), Ok(None));
        headers.append(NAME, HeaderValue::from_static("a"));
        assert_eq!(only(&headers, &NAME), Ok(Some(&HeaderValue::from_static("a"))));
        headers.append(NAME, HeaderValue::from_static("a"));
        assert_eq!(only(&headers, &NAME), Err(Repeated));
    }
}
