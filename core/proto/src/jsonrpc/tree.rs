use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

use super::RawJson;

impl RawJson {
    /// The value as a tree, to look at it as a whole.
    ///
    /// A key that an object has twice is an error: readers differ over which of the two counts, and whoever checked the one would pass the
    /// other on.
    ///
    /// ```
    /// use oxmcp_proto::jsonrpc::RawJson;
    ///
    /// let raw = RawJson::parse(&br#"{"a": [{"b": 1, "b": 2}]}"#[..]).unwrap();
    /// assert!(raw.to_tree().unwrap_err().to_string().contains("duplicate"));
    /// ```
    pub fn to_tree(&self) -> Result<Value, serde_json::Error> {
        self.to::<Tree>().map(|tree| tree.0)
    }
}

struct Tree(Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Seed.deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy)]
struct Seed;

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self)?;
            match members.entry(key) {
                serde_json::map::Entry::Vacant(entry) => entry.insert(value),
                serde_json::map::Entry::Occupied(entry) => {
                    return Err(de::Error::custom(format_args!("duplicate field `{}`", entry.key())));
                }
            };
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(json: &str) -> Result<Value, serde_json::Error> {
        RawJson::parse(json.as_bytes().to_vec()).unwrap().to_tree()
    }

    #[test]
    fn a_tree_is_what_serde_json_makes_of_it() {
        let json = r#"{"a": [null, true, -1, 18446744073709551615, 1.5e300, 1.0, "\u00e4\n", {}, []], "A": 1, "a\u0000": {"a": 1}}"#;
        assert_eq!(tree(json).unwrap(), serde_json::from_str::<Value>(json).unwrap());
    }

    #[test]
    fn a_duplicate_key_is_refused_however_deep_and_however_written() {
        for json in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#, r#"{"\u0000":1,"\u0000":2}"#] {
            assert!(tree(json).unwrap_err().to_string().contains("duplicate field"), "{json}");
        }
    }
}
