use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Visitor};

use super::depth::after_string;
use super::{RawJson, write_json_string};

/// The same value with other texts for some of its strings, names of members among them. All that is not replaced stays as it was written,
/// numbers of any size and the order of members too. `None` if nothing is replaced.
///
/// `replace` is given what each string says, whatever escapes it is written with, and gives what it is to say instead. Half a character, which
/// only an escape can write, comes as U+FFFD.
///
/// ```
/// use oxmcp_proto::jsonrpc::{RawJson, replace_strings};
///
/// let raw = RawJson::parse(&br#"{"n": 1e999, "t": ["a\/b", "\u0061"]}"#[..]).unwrap();
/// let other = replace_strings(&raw, |text| (text == "a/b").then(|| "c".to_owned()));
/// assert_eq!(other.unwrap().as_str(), r#"{"n": 1e999, "t": ["c", "\u0061"]}"#);
/// assert!(replace_strings(&raw, |_| None).is_none());
/// ```
pub fn replace_strings(json: &RawJson, mut replace: impl FnMut(&str) -> Option<String>) -> Option<RawJson> {
    let text = json.as_str();
    let mut written = Vec::new();
    let (mut at, mut kept) = (0, 0);
    while let Some(before) = memchr::memchr(b'"', &text.as_bytes()[at..]) {
        let start = at + before;
        at = text.len() - after_string(&text.as_bytes()[start + 1..]).len();
        if let Some(other) = replace(&said(&text[start..at])) {
            written.extend_from_slice(&text.as_bytes()[kept..start]);
            write_json_string(&other, &mut written);
            kept = at;
        }
    }
    (kept > 0).then(|| {
        written.extend_from_slice(&text.as_bytes()[kept..]);
        RawJson::from_written(written)
    })
}

/// What a string says, which is given with its quotes.
fn said(quoted: &str) -> Cow<'_, str> {
    let plain = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted);
    if !plain.contains('\\') {
        return Cow::Borrowed(plain);
    }
    // As bytes, halves of characters are read too.
    let said = serde_json::Deserializer::from_str(quoted).deserialize_bytes(Lossy);
    said.map_or(Cow::Borrowed(plain), Cow::Owned)
}

struct Lossy;

impl Visitor<'_> for Lossy {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<String, E> {
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replaced(json: &str, from: &str) -> Option<String> {
        let json = RawJson::parse(json.as_bytes().to_vec()).unwrap();
        let other = replace_strings(&json, |text| text.contains(from).then(|| text.replace(from, "\"x\"")));
        other.map(|json| json.as_str().to_owned())
    }

    #[test]
    fn what_is_not_replaced_stays_as_it_is_written() {
        for (json, expected) in [
            (r#""a\/b""#, Some(r#""\"x\"""#)),
            (
                r#"{ "z": 1e999, "\u0061/b": -0.10, "z": "\n" }"#,
                Some(r#"{ "z": 1e999, "\"x\"": -0.10, "z": "\n" }"#),
            ),
            (r#"["\"", "\\", "a/b\\", "a/b"]"#, Some(r#"["\"", "\\", "\"x\"\\", "\"x\""]"#)),
            (r#"["\ud83d a\/b", "\ud83d"]"#, Some("[\"\u{fffd}\u{fffd}\u{fffd} \\\"x\\\"\", \"\\ud83d\"]")),
            (r#"["\ud83d\u0061/b\ud83d\ude00"]"#, Some("[\"\u{fffd}\u{fffd}\u{fffd}\\\"x\\\"\u{1f600}\"]")),
            (r#"{"a": ["a\\/b", "a/", "b"], "n": 12345678901234567890123}"#, None),
            ("17", None),
        ] {
            assert_eq!(replaced(json, "a/b").as_deref(), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn every_string_is_seen_and_can_be_replaced(strings in prop::collection::vec(r#"[ab"\\/\n{\[é]{0,6}"#, 0..6)) {
            let json = RawJson::of(&strings).unwrap();
            let mut seen = Vec::new();
            let other = replace_strings(&json, |text| {
                seen.push(text.to_owned());
                Some(format!("{text}!"))
            });
            prop_assert_eq!(&seen, &strings);
            let expected: Vec<_> = strings.iter().map(|text| format!("{text}!")).collect();
            let other: Vec<String> = other.map_or(Vec::new(), |json| json.to().unwrap());
            prop_assert_eq!(other, expected);
        }
    }
}
