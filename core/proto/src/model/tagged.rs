use std::borrow::Cow;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Error as _, IntoDeserializer, MapAccess};

use crate::jsonrpc::Key;

/// Makes an enum of objects that their member `type` tells apart. An object of another type is kept whole.
///
/// Most writers put `type` first; then the rest is read as what it is, without a tree of it in between.
macro_rules! tagged {
    ($(#[$doc:meta])* $name:ident is $what:literal { $($(#[$variant_doc:meta])* $variant:ident($type:ty) $tag:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant($type),)*
            /// One of a type this library does not know, whole.
            Unknown(serde_json::Map<String, serde_json::Value>),
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[derive(serde::Serialize)]
                #[serde(tag = "type")]
                enum Tagged<'a> {
                    $(#[serde(rename = $tag)] $variant(&'a $type),)*
                }
                match self {
                    $(Self::$variant(object) => Tagged::$variant(object).serialize(serializer),)*
                    Self::Unknown(object) => object.serialize(serializer),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};
                use serde_json::{Map, Value};

                fn read<'de, D: Deserializer<'de>>(tag: &str, rest: D) -> Result<$name, D::Error> {
                    let read = match tag {
                        $($tag => <$type as serde::Deserialize>::deserialize(rest).map($name::$variant),)*
                        _ => {
                            let mut object: Map<String, Value> = serde::Deserialize::deserialize(rest)?;
                            object.insert("type".to_owned(), Value::String(tag.to_owned()));
                            return Ok($name::Unknown(object));
                        }
                    };
                    read.map_err(|error| D::Error::custom(format_args!(concat!($what, " of type {}: {}"), tag, error)))
                }

                struct ObjectVisitor;

                impl<'de> Visitor<'de> for ObjectVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<$name, A::Error> {
                        let mut before = Map::new();
                        match members.next_key::<crate::jsonrpc::Key<'de>>()? {
                            Some(key) if key.0 == "type" => {
                                let tag: crate::jsonrpc::Key<'de> = members.next_value()?;
                                return read(&tag.0, MapAccessDeserializer::new($crate::model::tagged::Rest(members)));
                            }
                            Some(key) => drop(before.insert(key.0.into_owned(), members.next_value()?)),
                            None => {}
                        }
                        while let Some((name, value)) = members.next_entry::<String, Value>()? {
                            before.insert(name, value);
                        }
                        match before.remove("type") {
                            Some(Value::String(tag)) => read(&tag, Value::Object(before)).map_err(A::Error::custom),
                            _ => Err(A::Error::custom(concat!($what, " has no `type`"))),
                        }
                    }
                }

                deserializer.deserialize_map(ObjectVisitor)
            }
        }
    };
}

/// The members of an object after its `type`, of which it has no other.
pub(super) struct Rest<A>(pub(super) A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Rest<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.0.next_key::<Key<'de>>()? {
            None => Ok(None),
            Some(Key(name)) if name == "type" => Err(A::Error::custom("duplicate field `type`")),
            Some(Key(Cow::Borrowed(name))) => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
            Some(Key(Cow::Owned(name))) => seed.deserialize(name.into_deserializer()).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}
