//! The ids under which clients show their sessions: 32 lower-case hexadecimal digits, and nothing else that means the same number.

use http::HeaderValue;
use uuid::Uuid;

/// The id as a header has it.
pub(super) fn write(id: Uuid) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    // Hexadecimal digits are plain.
    HeaderValue::from_str(id.simple().encode_lower(&mut text))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Reads what [`write`] wrote.
pub(super) fn parse(text: &[u8]) -> Option<Uuid> {
    let is_simple = text.len() == 32 && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_simple.then(|| Uuid::try_parse_ascii(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_one_name() {
        let id = Uuid::from_u128(0xabcd);
        assert_eq!(parse(write(id).as_bytes()), Some(id));
        for other in [
            id.hyphenated().to_string(),
            id.braced().to_string(),
            id.urn().to_string(),
            id.simple().to_string().to_uppercase(),
            id.simple().to_string().replacen('0', " ", 1),
        ] {
            assert_eq!(parse(other.as_bytes()), None, "{other}");
        }
    }
}
