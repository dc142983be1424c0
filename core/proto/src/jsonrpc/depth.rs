/// Whether JSON nests objects and arrays deeper than `limit` levels. Reads the bytes once, jumping over strings; what it says of
/// malformed JSON does not matter, because the parser refuses that.
pub fn exceeds_depth(json: &[u8], limit: usize) -> bool {
    if json.len() <= limit {
        return false;
    }
    let mut depth = 0usize;
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => rest = after_string(rest),
            _ => {}
        }
    }
    false
}

/// What follows the string whose opening quote was just read.
pub(super) fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        if rest[at] == b'"' {
            return &rest[at + 1..];
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::exceeds_depth;

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert!(!exceeds_depth(br#"{"a": "[[[[[[[[\"[[[["}"#, 2));
        assert!(exceeds_depth(br#"{"a": [[1]]}"#, 2));
        assert!(!exceeds_depth(br#"{"a": [1], "b": [[]], "c": []}"#, 3));
    }
}
