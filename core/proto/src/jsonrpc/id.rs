use std::fmt;
use std::sync::Arc;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The id of a request: an integer or a string, never `null`.
///
/// The two kinds never equal each other: `1` and `"1"` are different ids. A string has at most 1 KiB: every message about a request repeats
/// its id. A clone shares it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RequestId {
    /// An integer. A number with a zero fraction (`1.0`) is read as one.
    Number(i64),
    /// A string.
    String(Arc<str>),
}

/// Bytes of an id that is a string, at most.
const MAX_STRING: usize = 1024;

impl RequestId {
    /// The number that an answer means by this id: some peers write the numbers that they were given back as strings.
    pub fn as_number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::String(string) => string.parse().ok(),
        }
    }

    /// The bytes that it takes beside itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Number(_) => 0,
            Self::String(string) => string.len(),
        }
    }

    /// Appends the id as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes()),
            Self::String(string) => super::text::write_json_string(string, out),
        }
    }
}

impl From<i64> for RequestId {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for RequestId {
    fn from(string: &str) -> Self {
        Self::String(string.into())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::String(string) => write!(f, "{string:?}"),
        }
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::String(string) => serializer.serialize_str(string),
        }
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = RequestId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer or a string")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<RequestId, E> {
        Ok(RequestId::Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<RequestId, E> {
        i64::try_from(number).map(RequestId::Number).map_err(|_| E::custom("an id beyond 64-bit integers"))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<RequestId, E> {
        // Within 2^53 every integer is exact; beyond it the peer itself could not tell its ids apart.
        if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
            Ok(RequestId::Number(number as i64))
        } else {
            Err(E::custom("an id with a fraction"))
        }
    }

    fn visit_str<E: de::Error>(self, string: &str) -> Result<RequestId, E> {
        match string.len() {
            ..=MAX_STRING => Ok(RequestId::String(string.into())),
            _ => Err(E::custom(format_args!("an id of more than {MAX_STRING} bytes"))),
        }
    }
}
