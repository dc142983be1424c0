use std::fmt;

use bytes::Bytes;
use serde::de;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{member, scan};

/// A piece of JSON that was checked to be well formed and is kept as the bytes it came in.
///
/// A clone shares the bytes. `params` and `result` stay in this form until somebody asks for a type.
///
/// ```
/// use oxmcp_proto::jsonrpc::RawJson;
///
/// let raw = RawJson::parse(&b"{\"a\": [1, 2]}"[..]).unwrap();
/// let value: std::collections::BTreeMap<String, Vec<u8>> = raw.to().unwrap();
/// assert_eq!(value["a"], [1, 2]);
/// assert!(RawJson::parse(&b"{"[..]).is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawJson(Bytes);

impl RawJson {
    /// Checks that `bytes` are one JSON value in UTF-8.
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, serde_json::Error> {
        let bytes = bytes.into();
        if let Some(value) = std::str::from_utf8(&bytes).ok().and_then(|json| scan::value(json).ok()) {
            return Ok(Self::slice_of(&bytes, value));
        }
        // It says what is wrong.
        let raw: &RawValue = serde_json::from_slice(&bytes)?;
        Ok(Self::slice_of(&bytes, raw.get()))
    }

    /// The JSON of a value.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(|json| Self(json.into()))
    }

    /// The empty object, `{}`.
    pub fn empty_object() -> Self {
        Self(Bytes::from_static(b"{}"))
    }

    /// Takes `part`, well-formed JSON which lies inside `message`, without copying it.
    pub(super) fn slice_of(message: &Bytes, part: &str) -> Self {
        Self(message.slice_ref(part.as_bytes()))
    }

    /// A part of this value, found by deserialising it, without copying.
    ///
    /// # Panics
    ///
    /// If `part` does not borrow from this value.
    pub fn part(&self, part: &RawValue) -> Self {
        Self::slice_of(&self.0, part.get())
    }

    /// Takes bytes that this crate wrote.
    pub fn from_written(bytes: impl Into<Bytes>) -> Self {
        let raw = Self(bytes.into());
        debug_assert!(serde_json::from_slice::<&RawValue>(&raw.0).is_ok(), "not JSON: {raw:?}");
        raw
    }

    /// Deserialises the value; strings may borrow from it.
    pub fn to<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.0)
    }

    /// Reads one member of an object, and as little of the others as will do. `None` if there is none, or this is no object.
    ///
    /// ```
    /// use oxmcp_proto::jsonrpc::RawJson;
    ///
    /// let raw = RawJson::parse(&b"{\"kind\": \"a\", \"items\": [{\"kind\": \"b\"}]}"[..]).unwrap();
    /// assert_eq!(raw.member::<String>("kind").unwrap().as_deref(), Some("a"));
    /// assert_eq!(raw.member::<String>("name").unwrap(), None);
    /// ```
    ///
    /// # Errors
    ///
    /// If the member is no `T`, or is there twice.
    pub fn member<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<Option<T>, serde_json::Error> {
        if !self.is_object() {
            return Ok(None);
        }
        match member::find(&self.0, name) {
            Ok(Some(value)) => T::deserialize(&mut serde_json::Deserializer::from_slice(value)).map(Some),
            Ok(None) => Ok(None),
            Err(member::Twice) => Err(de::Error::custom(format_args!("duplicate field `{name}`"))),
        }
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        // Every constructor checked the encoding, or took what a JSON writer wrote.
        std::str::from_utf8(&self.0).unwrap_or("null")
    }

    /// The JSON text as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The JSON text as shared bytes.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// Whether the value is an object.
    pub fn is_object(&self) -> bool {
        self.0.first() == Some(&b'{')
    }

    /// Whether it is so large, 32 KiB, that it is better sent from where it lies than copied.
    pub fn is_large(&self) -> bool {
        self.0.len() >= 32 * 1024
    }

    /// Appends the value without raw line breaks. Outside strings a line break is white space, and inside strings JSON has
    /// none, so a space says the same.
    pub fn write_on_one_line(&self, out: &mut Vec<u8>) {
        write_on_one_line(&self.0, out);
    }
}

/// Appends JSON with its line breaks made spaces; see [`RawJson::write_on_one_line`].
pub fn write_on_one_line(json: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(json);
    if memchr::memchr2(b'\n', b'\r', json).is_some() {
        for byte in &mut out[start..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
}

/// The JSON text, as it was written.
impl fmt::Display for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_slice(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(Bytes::copy_from_slice(raw.get().as_bytes())))
    }
}
