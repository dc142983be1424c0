use oxmcp::auth::Secret;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A secret in a configuration. An error about it does not repeat it, whatever it is.
pub(crate) struct SecretText(pub(crate) Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text.into())),
            other => {
                Err(D::Error::custom(format_args!("{} where a secret has to be a string", kind(&other))))
            }
        }
    }
}

/// An object in a configuration. An error about something else in its place, which may be a secret, does not repeat that.
pub(crate) struct Shaped<T>(pub(crate) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Shaped<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            object @ Value::Object(_) => T::deserialize(object).map(Self).map_err(D::Error::custom),
            other => Err(D::Error::custom(format_args!("{} where an object has to be", kind(&other)))),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
