use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Key, RawJson, write_name};

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
