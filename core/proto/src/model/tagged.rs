/// Makes an enum of objects that their member `type` tells apart. An object of another type is kept whole.
macro_rules! tagged {
    ($(#[$doc:meta])* $name:ident is $what:literal { $($(#[$variant_doc:meta])* $variant:ident($type:ty) $tag:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
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
                use serde::de::Error as _;
                use serde_json::Value;

                let mut object = serde_json::Map::<String, Value>::deserialize(deserializer)?;
                let Some(Value::String(tag)) = object.remove("type") else {
                    return Err(D::Error::custom(concat!($what, " has no `type`")));
                };
                let read = match tag.as_str() {
                    $($tag => <$type>::deserialize(Value::Object(object)).map(Self::$variant),)*
                    _ => {
                        object.insert("type".into(), Value::String(tag));
                        return Ok(Self::Unknown(object));
                    }
                };
                read.map_err(|error| D::Error::custom(format_args!(concat!($what, " of type {}: {}"), tag, error)))
            }
        }
    };
}
