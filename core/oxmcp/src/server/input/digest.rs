use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a request or a question says, in a few bytes. Two that say the same have the same digest, however their JSON is spaced and
/// ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Digest(String);

impl Digest {
    /// The digest of a method with its parameters.
    pub(super) fn of(method: &str, params: &Value) -> Self {
        let mut context = Context::new(&SHA256);
        string(method, &mut context);
        value(params, &mut context);
        Self(URL_SAFE_NO_PAD.encode(context.finish()))
    }

    /// The digest of a method with those of its parameters that say what is asked: not `_meta`, and not what comes with a retry.
    pub(super) fn of_request(method: &str, mut params: Value) -> Self {
        if let Value::Object(params) = &mut params {
            for name in ["_meta", "inputResponses", "requestState"] {
                params.remove(name);
            }
        }
        Self::of(method, &params)
    }

    /// Enough of it to tell the questions of one request apart.
    pub(super) fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

/// Every value begins with a byte for its kind and says how long it is, so that no two run into each other.
fn value(of: &Value, context: &mut Context) {
    match of {
        Value::Null => context.update(b"n"),
        Value::Bool(false) => context.update(b"f"),
        Value::Bool(true) => context.update(b"t"),
        Value::Number(number) => {
            context.update(b"#");
            string(&number.to_string(), context);
        }
        Value::String(text) => string(text, context),
        Value::Array(items) => {
            context.update(b"[");
            length(items.len(), context);
            for item in items {
                value(item, context);
            }
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            context.update(b"{");
            length(members.len(), context);
            for (name, member) in members {
                string(name, context);
                value(member, context);
            }
        }
    }
}

fn string(text: &str, context: &mut Context) {
    context.update(b"s");
    length(text.len(), context);
    context.update(text.as_bytes());
}

fn length(length: usize, context: &mut Context) {
    context.update(&(length as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_request_has_the_same_digest_however_it_is_written() {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let first = parse(r#"{"name":"rm","arguments":{"a":[1,"x"],"b":null}}"#);
        let retry = parse(
            r#"{ "requestState":"s", "inputResponses":{"k":{}}, "_meta":{"t":1}, "arguments": {"b":null, "a":[1, "x"]}, "name":"rm" }"#,
        );
        assert_eq!(Digest::of_request("tools/call", first), Digest::of_request("tools/call", retry));
    }

    #[test]
    fn another_request_has_another_digest() {
        let all = [
            ("tools/call", json!({"name": "rm"})),
            ("prompts/get", json!({"name": "rm"})),
            ("tools/call", json!({"name": "rm", "arguments": {}})),
            ("tools/call", json!({"name": "rm", "arguments": null})),
            ("tools/call", json!({"name": "rm", "arguments": {"_meta": 1}})),
            ("tools/call", json!({"name": "rm", "arguments": {"a": ["1"]}})),
            ("tools/call", json!({"name": "rm", "arguments": {"a": [1]}})),
            ("tools/call", json!({"name": "rm", "arguments": {"a": ["1", ""]}})),
            ("tools/call", json!({"name": "rm", "arguments": {"a": [], "b": true}})),
            ("tools/call", json!({"name": "rm", "arguments": {"a": [], "b": false}})),
        ];
        for (at, (method, params)) in all.iter().enumerate() {
            for (other_method, other) in &all[at + 1..] {
                assert_ne!(
                    Digest::of_request(method, params.clone()),
                    Digest::of_request(other_method, other.clone()),
                    "{params} and {other}"
                );
            }
        }
    }
}
