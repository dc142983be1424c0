use serde_json::{Map, Value};

/// What a token is bound to, as its claims say (`cnf`; RFC 7800, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding<'a> {
    /// Whoever has it may use it.
    Nothing,
    /// A key, by its thumbprint (RFC 9449, section 6.1).
    Key(&'a str),
    /// Something that is not known here, like a client's certificate (RFC 8705, section 3.1), or that cannot be read. Whoever stole such a
    /// token must not get away with it because this server looks at less than all of it.
    Unknown,
}

impl<'a> Binding<'a> {
    pub(super) fn of(claims: &'a Map<String, Value>) -> Self {
        match claims.get("cnf") {
            None | Some(Value::Null) => Self::Nothing,
            Some(Value::Object(means)) => match (means.get("jkt"), means.len()) {
                (Some(Value::String(thumbprint)), 1) => Self::Key(thumbprint),
                _ => Self::Unknown,
            },
            Some(_) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_understood_as_a_whole_is_not_understood() {
        let of = |confirmation: Value| {
            let claims = json!({"sub": "u", "cnf": confirmation});
            match Binding::of(claims.as_object().unwrap()) {
                Binding::Nothing => "nothing".to_owned(),
                Binding::Key(thumbprint) => format!("key {thumbprint}"),
                Binding::Unknown => "unknown".to_owned(),
            }
        };
        assert_eq!(Binding::of(&Map::new()), Binding::Nothing);
        assert_eq!(of(Value::Null), "nothing");
        assert_eq!(of(json!({"jkt": "k"})), "key k");
        for unknown in [
            json!({}),
            json!([]),
            json!("k"),
            json!({"jkt": 5}),
            json!({"x5t#S256": "c"}),
            json!({"jwk": {"kty": "EC"}}),
            json!({"jkt": "k", "x5t#S256": "c"}),
        ] {
            assert_eq!(of(unknown.clone()), "unknown", "{unknown}");
        }
    }
}
