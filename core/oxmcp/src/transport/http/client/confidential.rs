use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN, USER_AGENT,
};
use http::{HeaderMap, HeaderName};
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use serde_json::Value;

use crate::auth::MIN_CONCEALED;

/// The headers that are no secrets.
const OPEN: [HeaderName; 6] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, ORIGIN, USER_AGENT];

/// What is sent and nobody else must see: servers, and proxies before them, repeat in their errors what they do not like.
#[derive(Clone, Default)]
pub(super) struct Confidential(Vec<String>);

impl Confidential {
    /// What there is of it in headers.
    pub(super) fn in_headers(headers: &HeaderMap) -> Self {
        let mut all = Self::default();
        for (name, value) in headers.iter().filter(|(name, _)| !OPEN.contains(name)) {
            let Ok(value) = value.to_str() else { continue };
            match *name {
                // The scheme is none.
                AUTHORIZATION => all.add(value.split(' ').next_back().unwrap_or_default()),
                COOKIE => value
                    .split(';')
                    .filter_map(|pair| pair.split_once('='))
                    .for_each(|(_, value)| all.add(value)),
                _ => all.add(value),
            }
        }
        all
    }

    pub(super) fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() >= MIN_CONCEALED && !self.0.iter().any(|known| known == secret) {
            self.0.push(secret.to_owned());
            // What is part of another must not hide it.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// Words without it.
    pub(super) fn conceal(&self, words: String) -> String {
        self.0.iter().fold(words, |words, secret| match words.contains(secret.as_str()) {
            true => words.replace(secret, "(concealed)"),
            false => words,
        })
    }

    /// A server's error without it.
    pub(super) fn conceal_in(&self, error: ErrorObject) -> ErrorObject {
        let ErrorObject { code, message, data } = error;
        let data = data.map(|data| self.conceal_in_json(data));
        ErrorObject { code, message: self.conceal(message), data }
    }

    fn conceal_in_json(&self, data: RawJson) -> RawJson {
        let text = data.as_str();
        // With escapes, it may look different.
        if self.0.is_empty()
            || !(text.contains('\\') || self.0.iter().any(|secret| text.contains(secret.as_str())))
        {
            return data;
        }
        let Ok(mut value) = data.to::<Value>() else { return data };
        self.conceal_in_value(&mut value);
        RawJson::of(&value).unwrap_or(data)
    }

    /// How deep it may be was looked at when it was read.
    fn conceal_in_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.conceal(std::mem::take(text)),
            Value::Array(values) => values.iter_mut().for_each(|value| self.conceal_in_value(value)),
            Value::Object(members) => {
                let all = std::mem::take(members).into_iter();
                members.extend(all.map(|(name, mut value)| {
                    self.conceal_in_value(&mut value);
                    (self.conceal(name), value)
                }));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &'static str)]) -> Confidential {
        let given = given.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        Confidential::in_headers(&given.collect())
    }

    #[test]
    fn what_the_user_gave_is_concealed_in_every_form() {
        let secrets = headers(&[
            ("authorization", "Bearer abc/def.ghi"),
            ("x-api-key", "key-123456"),
            ("cookie", "theme=dark; session=abc/def"),
            ("user-agent", "reports/1.0"),
            ("x-mode", "fast"),
        ]);
        let said = "Bearer abc/def.ghi key-123456 abc/def reports/1.0 fast dark";
        assert_eq!(
            secrets.conceal(said.to_owned()),
            "Bearer (concealed) (concealed) (concealed) reports/1.0 fast dark"
        );
        let data = r#"{"sent":["abc\/def.ghi",7],"key-123456":null}"#;
        let data = RawJson::of(&serde_json::from_str::<Value>(data).unwrap()).unwrap();
        let error = ErrorObject { code: 1, message: "key-123456?".to_owned(), data: Some(data) };
        let error = secrets.conceal_in(error);
        assert_eq!(error.message, "(concealed)?");
        assert_eq!(error.data.unwrap().as_str(), r#"{"(concealed)":null,"sent":["(concealed)",7]}"#);
    }
}
