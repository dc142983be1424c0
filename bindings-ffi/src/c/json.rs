use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::c_char;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;
use serde_json::value::RawValue;

use super::boundary::{Output, free, guard, report};
use super::error::oxmcp_error;
use super::result::oxmcp_result;
use super::text::{optional, oxmcp_str, required, terminated};

/// A JSON text, with a small reader, so that a program needs no JSON library for a few values. It never changes and
/// may be read from any thread. The caller frees those it is given to own with oxmcp_json_free; every text and value
/// read from one lives as long as it does.
///
/// Places in it are JSON pointers (RFC 6901): "" is the whole, "/tools/0/name" the name of the first tool, "/a~1b"
/// the member named "a/b".
#[derive(Debug)]
pub struct oxmcp_json {
    text: Box<[u8]>,
    /// The text as a tree, parsed when first read from. None when it is nested too deep to be read.
    tree: OnceLock<Option<Value>>,
    /// Strings that were read, by pointer, with a NUL behind them.
    strings: Mutex<HashMap<Box<str>, Box<[u8]>>>,
    /// Values that were read as text, likewise.
    values: Mutex<HashMap<Box<str>, Box<[u8]>>>,
    /// What [`oxmcp_tool_result_text`] gives.
    joined: OnceLock<Option<Box<[u8]>>>,
}

/// What stands at a place in a JSON text.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum oxmcp_json_type {
    /// There is no such place.
    OXMCP_JSON_NOTHING = 0,
    /// null
    OXMCP_JSON_NULL = 1,
    /// true or false
    OXMCP_JSON_BOOL = 2,
    /// A number.
    OXMCP_JSON_NUMBER = 3,
    /// A string.
    OXMCP_JSON_STRING = 4,
    /// An array.
    OXMCP_JSON_ARRAY = 5,
    /// An object.
    OXMCP_JSON_OBJECT = 6,
}

impl oxmcp_json {
    /// Takes a copy of a text that is JSON.
    pub(super) fn new(text: &[u8]) -> Self {
        Self {
            text: terminated(text),
            tree: OnceLock::new(),
            strings: Mutex::default(),
            values: Mutex::default(),
            joined: OnceLock::new(),
        }
    }

    /// The text.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.text[..self.text.len() - 1]
    }

    fn tree(&self) -> Option<&Value> {
        self.tree.get_or_init(|| serde_json::from_slice(self.bytes()).ok()).as_ref()
    }

    fn at(&self, pointer: &str) -> Option<&Value> {
        self.tree()?.pointer(pointer)
    }

    fn string(&self, pointer: &str) -> Option<oxmcp_str> {
        let found = self.at(pointer)?.as_str()?;
        let mut strings = self.strings.lock().unwrap_or_else(PoisonError::into_inner);
        // What is boxed stays where it is when the map grows, and nothing is ever removed.
        let kept = strings.entry(pointer.into()).or_insert_with(|| terminated(found.as_bytes()));
        Some(oxmcp_str::of_terminated(kept))
    }

    fn value(&self, pointer: &str) -> Option<oxmcp_str> {
        let found = raw_at(self.bytes(), pointer)?;
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = values.entry(pointer.into()).or_insert_with(|| terminated(found.as_bytes()));
        Some(oxmcp_str::of_terminated(kept))
    }

    /// The text blocks of a `CallToolResult`, a line each.
    fn joined_text(&self) -> Option<&[u8]> {
        let join = || {
            let blocks = self.at("/content")?.as_array()?;
            let of_text =
                blocks.iter().filter(|block| block.get("type").and_then(Value::as_str) == Some("text"));
            let texts: Vec<_> = of_text.filter_map(|block| block.get("text")?.as_str()).collect();
            (!texts.is_empty()).then(|| terminated(texts.join("\n").as_bytes()))
        };
        self.joined.get_or_init(join).as_deref()
    }
}

/// The JSON text of what stands at a pointer, as it was written.
fn raw_at<'a>(text: &'a [u8], pointer: &str) -> Option<&'a str> {
    let mut raw: &RawValue = serde_json::from_slice(text).ok()?;
    if pointer.is_empty() {
        return Some(raw.get());
    }
    for token in pointer.strip_prefix('/')?.split('/') {
        let token = token.replace("~1", "/").replace("~0", "~");
        raw = if raw.get().starts_with('[') {
            let elements: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
            let index = token.parse().ok().filter(|index: &usize| index.to_string() == token)?;
            *elements.get(index)?
        } else {
            let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(raw.get()).ok()?;
            members.get(token.as_str()).copied()?
        };
    }
    Some(raw.get())
}

/// Takes a copy of a JSON text. Free `json` with oxmcp_json_free. OXMCP_MISUSE when the text is not JSON or is nested
/// more than 127 deep.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_json_parse(
    text: *const c_char,
    json: *mut *mut oxmcp_json,
    error: *mut *mut oxmcp_error,
) -> oxmcp_result {
    // SAFETY: what the header asks of the caller.
    unsafe {
        report(error, || {
            let (text, output) = (required(text, "text")?, Output::required(json, "json")?);
            let tree = serde_json::from_str(text)
                .map_err(|error| oxmcp_error::misuse(format!("text is not JSON: {error}")))?;
            output.give(oxmcp_json { tree: OnceLock::from(Some(tree)), ..oxmcp_json::new(text.as_bytes()) });
            Ok(())
        })
    }
}

/// The whole text. It lives as long as `json`. For NULL, no text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_json_text(json: *const oxmcp_json) -> oxmcp_str {
    // SAFETY: by contract NULL or live.
    unsafe { json.as_ref() }.map_or(oxmcp_str::NONE, |json| oxmcp_str::of_terminated(&json.text))
}

/// What stands at `pointer`. OXMCP_JSON_NOTHING when there is no such place, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_json_type_at(
    json: *const oxmcp_json,
    pointer: *const c_char,
) -> oxmcp_json_type {
    let type_of = |value: &Value| match value {
        Value::Null => oxmcp_json_type::OXMCP_JSON_NULL,
        Value::Bool(_) => oxmcp_json_type::OXMCP_JSON_BOOL,
        Value::Number(_) => oxmcp_json_type::OXMCP_JSON_NUMBER,
        Value::String(_) => oxmcp_json_type::OXMCP_JSON_STRING,
        Value::Array(_) => oxmcp_json_type::OXMCP_JSON_ARRAY,
        Value::Object(_) => oxmcp_json_type::OXMCP_JSON_OBJECT,
    };
    // SAFETY: by contract NULL or live, and NULL or a C string.
    unsafe { look_up(json, pointer, |json, pointer| json.at(pointer).map(type_of)) }
        .unwrap_or(oxmcp_json_type::OXMCP_JSON_NOTHING)
}

/// Writes the string at `pointer` to `value` and returns true; returns false when there is no string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_json_string(
    json: *const oxmcp_json,
    pointer: *const c_char,
    value: *mut oxmcp_str,
) -> bool {
    // SAFETY: by contract NULL or live, NULL or a C string, and NULL or a place to write to.
    unsafe { read(json, pointer, value, |json, pointer| json.string(pointer)) }
}

/// Writes the number at `pointer` to `value` and returns true; returns false when there is no number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_json_number(
    json: *const oxmcp_json,
    pointer: *const c_char,
    value: *mut f64,
) -> bool {
    // SAFETY: as in oxmcp_json_string.
    unsafe { read(json, pointer, value, |json, pointer| json.at(pointer)?.as_f64()) }
}

/// Writes the integer at `pointer` to `value` and returns true; returns false when there is no number, or one that
/// has a fraction, an exponent or does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_json_integer(
    json: *const oxmcp_json,
    pointer: *const c_char,
    value: *mut i64,
) -> bool {
    // SAFETY: as in oxmcp_json_string.
    unsafe { read(json, pointer, value, |json, pointer| json.at(pointer)?.as_i64()) }
}

/// Writes the truth at `pointer` to `value` and returns true; returns false when there is neither true nor false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_json_bool(
    json: *const oxmcp_json,
    pointer: *const c_char,
    value: *mut bool,
) -> bool {
    // SAFETY: as in oxmcp_json_string.
    unsafe { read(json, pointer, value, |json, pointer| json.at(pointer)?.as_bool()) }
}

/// Writes the JSON text of whatever stands at `pointer` to `value`, as it was written, and returns true; returns false
/// when there is no such place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_json_value(
    json: *const oxmcp_json,
    pointer: *const c_char,
    value: *mut oxmcp_str,
) -> bool {
    // SAFETY: as in oxmcp_json_string.
    unsafe { read(json, pointer, value, |json, pointer| json.value(pointer)) }
}

/// The number of elements of the array, or of members of the object, at `pointer`; 0 when there is neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_json_count(json: *const oxmcp_json, pointer: *const c_char) -> usize {
    let count = |value: &Value| match value {
        Value::Array(elements) => elements.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    // SAFETY: by contract NULL or live, and NULL or a C string.
    unsafe { look_up(json, pointer, |json, pointer| json.at(pointer).map(count)) }.unwrap_or(0)
}

/// Frees a JSON text that the caller owns. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_json_free(json: *mut oxmcp_json) {
    // SAFETY: by contract NULL or owned by the caller and no longer used.
    unsafe { free(json) }
}

/// The text of a tool's result: its text blocks, a newline between two. Other blocks are left out; no text when
/// there is none. It lives as long as `result`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_tool_result_text(result: *const oxmcp_json) -> oxmcp_str {
    // SAFETY: by contract NULL or live.
    let Some(result) = (unsafe { result.as_ref() }) else {
        return oxmcp_str::NONE;
    };
    guard(oxmcp_str::NONE, || result.joined_text().map_or(oxmcp_str::NONE, oxmcp_str::of_terminated))
}

/// Whether a tool's result says that the tool failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_tool_result_is_error(result: *const oxmcp_json) -> bool {
    // SAFETY: by contract NULL or live.
    let Some(result) = (unsafe { result.as_ref() }) else {
        return false;
    };
    guard(false, || result.at("/isError").and_then(Value::as_bool).unwrap_or(false))
}

/// Writes `text` as a JSON string, quotes included, to `buffer`, like snprintf: never more than `size` bytes, always
/// with a NUL behind them unless `size` is 0. Returns the number of bytes the whole takes without the NUL; when that
/// is `size` or more, it was cut. What is not UTF-8 is replaced by U+FFFD; NULL gives null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_json_quote(text: *const c_char, buffer: *mut c_char, size: usize) -> usize {
    guard(0, || {
        let quoted = if text.is_null() {
            "null".to_owned()
        } else {
            // SAFETY: by contract a C string.
            let text = unsafe { std::ffi::CStr::from_ptr(text) };
            Value::String(text.to_string_lossy().into_owned()).to_string()
        };
        if !buffer.is_null() && size > 0 {
            let copied = quoted.len().min(size - 1);
            // SAFETY: by contract `buffer` has room for `size` bytes, and `copied` is less.
            unsafe {
                buffer.copy_from_nonoverlapping(quoted.as_ptr().cast(), copied);
                buffer.add(copied).write(0);
            }
        }
        quoted.len()
    })
}

/// # Safety
///
/// `json` is NULL or live, `pointer` NULL or a C string.
unsafe fn look_up<T>(
    json: *const oxmcp_json,
    pointer: *const c_char,
    find: impl FnOnce(&oxmcp_json, &str) -> Option<T>,
) -> Option<T> {
    guard(None, || {
        // SAFETY: the caller's promise.
        let (json, pointer) = unsafe { (json.as_ref()?, optional(pointer, "pointer").ok()??) };
        find(json, pointer)
    })
}

/// # Safety
///
/// As for [`look_up`]; `value` is NULL or may be written to.
unsafe fn read<T>(
    json: *const oxmcp_json,
    pointer: *const c_char,
    value: *mut T,
    find: impl FnOnce(&oxmcp_json, &str) -> Option<T>,
) -> bool {
    // SAFETY: the caller's promise.
    let Some(found) = (unsafe { look_up(json, pointer, find) }) else {
        return false;
    };
    // SAFETY: the caller's promise.
    unsafe { Output::optional(value) }.set(found);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_given_as_it_was_written() {
        let text = br#"{"b":{"z":1.0,"a":[1e3, {"x\u0041":null}]},"a/b":"~","":0}"#;
        for (pointer, expected) in [
            ("/b", Some(r#"{"z":1.0,"a":[1e3, {"x\u0041":null}]}"#)),
            ("/b/a/0", Some("1e3")),
            ("/b/a/1/xA", Some("null")),
            ("/a~1b", Some("\"~\"")),
            ("/", Some("0")),
            ("/b/a/00", None),
            ("/b/a/2", None),
            ("/b/z/0", None),
            ("b", None),
        ] {
            assert_eq!(raw_at(text, pointer), expected, "{pointer}");
        }
        assert_eq!(raw_at(text, "").map(str::len), Some(text.len()));
    }
}
