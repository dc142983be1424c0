use super::depth::after_string;

/// What follows the name and the colon of a member at the top of `json`, a well-formed object. An error says that there are two of them.
///
/// What comes after the member is looked at only where its name may come again: most objects that are asked begin with what they are asked
/// for. The name is of ASCII.
pub(super) fn find<'a>(json: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, Twice> {
    let mut found = None;
    let mut depth = 0usize;
    let mut at_key = false;
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                at_key = depth == 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => at_key = depth == 1,
            b'"' => {
                rest = after_string(after);
                if at_key && is_name(&after[..after.len() - rest.len()], name) {
                    if found.is_some() {
                        return Err(Twice);
                    }
                    found = memchr::memchr(b':', rest).map(|colon| &rest[colon + 1..]);
                    if !may_come_again(rest, name) {
                        break;
                    }
                }
                at_key = false;
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Whether a name may stand in `rest`, as it is or with escapes.
fn may_come_again(rest: &[u8], name: &str) -> bool {
    debug_assert!(name.is_ascii(), "{name}");
    let has = |text: &[u8]| memchr::memmem::find(rest, text).is_some();
    // These are the escapes of ASCII, but for those of control characters and what needs one.
    has(name.as_bytes()) || has(b"\\u00") || (name.contains('/') && has(b"\\/"))
}

/// A member is there twice.
#[derive(Debug)]
pub(super) struct Twice;

/// Whether a key, with its closing quote, is a name.
fn is_name(key: &[u8], name: &str) -> bool {
    let Some(key) = key.strip_suffix(b"\"") else { return false };
    if !key.contains(&b'\\') {
        return key == name.as_bytes();
    }
    let quoted = [b"\"", key, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).is_ok_and(|key| key == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str, name: &str) -> Option<serde_json::Value> {
        let found = find(json.as_bytes(), name).unwrap()?;
        serde::Deserialize::deserialize(&mut serde_json::Deserializer::from_slice(found)).ok()
    }

    #[test]
    fn a_member_is_found_at_the_top_and_nowhere_else() {
        for (json, expected) in [
            (r#"{"a":1}"#, Some(1)),
            (
                r#"{ "b" : {"a":2} , "a"	:
1 }"#,
                Some(1),
            ),
            (r#"{"b":[{"a":2},"a","\"a\":3"],"c":"a","a":1,"d":"a"}"#, Some(1)),
            (r#"{"\u0061":1}"#, Some(1)),
            (r#"{"A":1,"aa":2,"":3,"b":{"a":4}}"#, None),
            ("{}", None),
        ] {
            assert_eq!(value(json, "a"), expected.map(serde_json::Value::from), "{json}");
        }
        assert!(find(br#"{"a":1,"b":[{"a":1}],"a":1}"#, "a").is_err());
    }

    #[test]
    fn a_name_is_the_same_however_it_is_written() {
        for (json, name) in [
            (r#"{"a":1,"\u0061":1}"#, "a"),
            (r#"{"\u0061":1,"a":1}"#, "a"),
            (r#"{"\u0061":1,"\u0061":1}"#, "a"),
            (r#"{"a/b":1,"a\/b":1}"#, "a/b"),
            (r#"{"resultType":"complete","result\u0054ype":"task"}"#, "resultType"),
        ] {
            assert!(find(json.as_bytes(), name).is_err(), "{json}");
        }
        assert!(find(br#"{"a":1,"b":"\u0061"}"#, "a").is_ok());
    }

    #[test]
    fn what_is_cut_off_is_not_read_past_its_end() {
        let json = r#"{"b":["x\"",{"c":1}],"\u0061":"y"}"#;
        for end in 0..json.len() {
            let _ = find(&json.as_bytes()[..end], "a");
        }
    }
}
