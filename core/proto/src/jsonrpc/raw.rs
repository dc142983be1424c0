use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{member, scan, write_name};

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

/// The members of a JSON object in their order, each value as it was written. For changing a member or two without touching
/// the rest.
#[derive(Debug, Default)]
pub struct RawObject<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> RawObject<'a> {
    /// The value of a member; a duplicate key was refused when the object was read.
    pub fn member(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| *value)
    }

    /// Takes a member out.
    pub fn remove(&mut self, key: &str) -> Option<&'a RawValue> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(at).1)
    }

    /// The object as JSON.
    pub fn to_json(&self) -> RawJson {
        let mut out = Vec::from(*b"{");
        for (name, value) in &self.0 {
            write_name(name, &mut out);
            out.extend_from_slice(value.get().as_bytes());
        }
        out.push(b'}');
        RawJson::from_written(out)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawObject<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = RawObject<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject<'de>, A::Error> {
                /// Past so many members, looking through all of them for each would take too long.
                const FEW: usize = 16;
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                let mut names: HashSet<Cow<'de, str>> = HashSet::new();
                while let Some(Key(key)) = map.next_key()? {
                    if members.len() == FEW {
                        names.extend(members.iter().map(|(name, _)| name.clone()));
                    }
                    let is_known = match members.len() {
                        ..FEW => members.iter().any(|(name, _)| *name == key),
                        _ => !names.insert(key.clone()),
                    };
                    if is_known {
                        return Err(de::Error::custom(format_args!("duplicate field `{key}`")));
                    }
                    members.push((key, map.next_value()?));
                }
                Ok(RawObject(members))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// Text that borrows where it can; serde's own `Cow` always copies.
#[derive(Deserialize)]
pub(crate) struct Key<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_key_is_refused_however_many_there_are() {
        for count in [1, 15, 16, 17, 40] {
            let members: Vec<String> = (0..count).map(|n| format!("\"k{n}\":{n}")).collect();
            let object = format!("{{{}}}", members.join(","));
            assert_eq!(serde_json::from_str::<RawObject<'_>>(&object).unwrap().0.len(), count);
            for again in [0, count - 1] {
                let twice = format!("{{{},\"k{again}\":0}}", members.join(","));
                assert!(serde_json::from_str::<RawObject<'_>>(&twice).is_err(), "{twice}");
            }
        }
    }
}
