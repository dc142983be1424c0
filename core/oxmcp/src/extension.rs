use oxmcp_proto::model::Extra;
use serde::Serialize;
use serde_json::Value;

use crate::{Error, Result};

/// An extension that one side declares (2026-07-28, basic, "Extensions").
#[derive(Clone, Debug)]
pub(crate) struct Extension {
    /// Its identifier: a vendor prefix, a slash, a name.
    pub(crate) name: String,
    pub(crate) settings: Extra,
}

impl Extension {
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the name is no identifier, or the settings are no object.
    pub(crate) fn new(name: String, settings: &impl Serialize) -> Result<Self> {
        if !is_identifier(&name) {
            return Err(Error::misuse(format!(
                "{name:?} is no extension identifier; it takes the form `vendor.example/name`"
            )));
        }
        match serde_json::to_value(settings) {
            Ok(Value::Object(settings)) => Ok(Self { name, settings }),
            Ok(_) => Err(Error::misuse(format!("the settings of the extension {name} are no JSON object"))),
            Err(error) => Err(Error::misuse(format!("the settings of the extension {name} have no JSON"))
                .with_source(error)),
        }
    }
}

/// Whether a name is a key of `_meta` with its prefix, as extensions are named (2026-07-28, basic, `_meta`): labels between dots, each from a
/// letter to a letter or digit; a slash; a name from a letter or digit to one.
pub(crate) fn is_identifier(name: &str) -> bool {
    let is_label = |label: &str| {
        label.starts_with(|first: char| first.is_ascii_alphabetic())
            && label.ends_with(|last: char| last.is_ascii_alphanumeric())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name.ends_with(|last: char| last.is_ascii_alphanumeric())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    name.split_once('/').is_some_and(|(prefix, name)| prefix.split('.').all(is_label) && is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_a_prefix_and_a_name() {
        for good in ["io.modelcontextprotocol/ui", "com.example/my-extension-v2", "a/b", "x-y.z1/a_b.c"] {
            assert!(is_identifier(good), "{good}");
        }
        for bad in [
            "",
            "ui",
            "/ui",
            "com.example/",
            "com..example/x",
            "1a/x",
            "a-/x",
            "a/b/c",
            "a b/c",
            "a/-c",
            "a/é",
        ] {
            assert!(!is_identifier(bad), "{bad}");
        }
    }

    #[test]
    fn settings_are_objects() {
        assert!(Extension::new("a/b".to_owned(), &serde_json::json!({"x": 1})).is_ok());
        assert!(Extension::new("a/b".to_owned(), &serde_json::json!([])).is_err());
        assert!(Extension::new("b".to_owned(), &serde_json::json!({})).is_err());
    }
}
