use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, ORIGIN, USER_AGENT};
use http::{HeaderMap, HeaderName};
use oxmcp_proto::jsonrpc::{ErrorObject, replace_strings};

use crate::auth::MIN_CONCEALED;

/// The headers that are no secrets.
const OPEN: [HeaderName; 6] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, ORIGIN, USER_AGENT];

/// How parts of the names of headers end whose values let somebody in, such as `Proxy-Authorization`, `X-Api-Key` and `X-Session-Id`.
const CREDENTIALS: [&str; 17] = [
    "assertion",
    "auth",
    "authentication",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "dpop",
    "jwt",
    "key",
    "pass",
    "passwd",
    "password",
    "secret",
    "session",
    "token",
];

const CONCEALED: &str = "(concealed)";

/// What is sent and nobody else must see: servers, and proxies before them, repeat in their errors what they do not like.
///
/// Words for people are without anything of it. The data of an error are for programs, which act on them: they are without credentials, and
/// else as the server sent them.
#[derive(Clone, Default)]
pub(super) struct Confidential(Vec<Secret>);

#[derive(Clone)]
struct Secret {
    text: String,
    /// Whether it lets in whoever has it. Otherwise it is of the user's, such as the name of a tenant.
    is_credential: bool,
}

impl Confidential {
    /// What there is of it in headers.
    pub(super) fn in_headers(headers: &HeaderMap) -> Self {
        let mut all = Self::default();
        for (name, value) in headers.iter().filter(|(name, _)| !OPEN.contains(name)) {
            let Ok(value) = value.to_str() else { continue };
            if *name == COOKIE {
                let pairs = value.split(';').filter_map(|pair| pair.split_once('='));
                pairs.for_each(|(_, value)| all.add_credential(value));
            } else if name.as_str().ends_with("authorization") {
                // The scheme is none.
                all.add_credential(value.split(' ').next_back().unwrap_or_default());
            } else {
                all.add(value, is_credential(name));
            }
        }
        all
    }

    pub(super) fn add_credential(&mut self, secret: &str) {
        self.add(secret, true);
    }

    fn add(&mut self, secret: &str, is_credential: bool) {
        let secret = secret.trim();
        if secret.len() < MIN_CONCEALED {
            return;
        }
        if let Some(known) = self.0.iter_mut().find(|known| known.text == secret) {
            known.is_credential |= is_credential;
            return;
        }
        self.0.push(Secret { text: secret.to_owned(), is_credential });
        // What is part of another must not hide it.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.text.len()));
    }

    /// Words for people without it.
    pub(super) fn conceal(&self, words: String) -> String {
        self.0.iter().fold(words, |words, secret| match words.contains(&secret.text) {
            true => words.replace(&secret.text, CONCEALED),
            false => words,
        })
    }

    /// A server's error without it.
    pub(super) fn conceal_in(&self, error: ErrorObject) -> ErrorObject {
        let ErrorObject { code, message, data } = error;
        let data =
            data.map(|data| replace_strings(&data, |text| self.conceal_credentials(text)).unwrap_or(data));
        ErrorObject { code, message: self.conceal(message), data }
    }

    /// A text without credentials, if it has any.
    fn conceal_credentials(&self, text: &str) -> Option<String> {
        let credentials = self.0.iter().filter(|secret| secret.is_credential);
        credentials.fold(None, |concealed, Secret { text: secret, .. }| {
            let words = concealed.as_deref().unwrap_or(text);
            if words.contains(secret) { Some(words.replace(secret, CONCEALED)) } else { concealed }
        })
    }
}

/// Whether what a header holds lets somebody in, by its name.
fn is_credential(name: &HeaderName) -> bool {
    let mut parts = name.as_str().split(|c: char| !c.is_ascii_alphabetic());
    parts.any(|part| CREDENTIALS.iter().any(|end| part.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use oxmcp_proto::jsonrpc::RawJson;

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
        let error = secrets.conceal_in(error("key-123456?", data));
        assert_eq!(error.message, "(concealed)?");
        assert_eq!(error.data.unwrap().as_str(), r#"{"sent":["(concealed)",7],"(concealed)":null}"#);
    }

    #[test]
    fn data_are_as_they_came_but_for_credentials() {
        let secrets = headers(&[
            ("x-tenant", "acme-corp"),
            ("x-region", "eu-west-1"),
            ("x-author", "Jane Doe"),
            ("proxy-authorization", "Basic cHJveHk6aGVyZQ=="),
            ("dpop", "proof-123456"),
        ]);
        let data = r#"{ "z": 12345678901234567890123, "acme-corp": "https://acme-corp.example/\n", "z": 1e999, "of": "Jane Doe" }"#;
        let same = secrets.conceal_in(error("no acme-corp in eu-west-1", data));
        assert_eq!(same.message, "no (concealed) in (concealed)");
        assert_eq!(same.data.unwrap().as_str(), data);
        let data = r#"{ "z": 1e999, "of": ["acme-corp\t", "cHJveHk6aGVyZQ==", "\u0070roof-123456\ud83d"] }"#;
        let other = secrets.conceal_in(error("", data)).data.unwrap();
        let half = "\u{fffd}\u{fffd}\u{fffd}";
        let expected =
            format!(r#"{{ "z": 1e999, "of": ["acme-corp\t", "(concealed)", "(concealed){half}"] }}"#);
        assert_eq!(other.as_str(), expected);
    }

    #[test]
    fn names_of_headers_say_what_a_credential_is() {
        let is = |name| is_credential(&HeaderName::from_static(name));
        for name in [
            "authorization",
            "proxy-authorization",
            "x-api-key",
            "apikey2",
            "private-token",
            "x-auth-token",
            "helicone-auth",
            "cf-access-client-secret",
            "cf-access-jwt-assertion",
            "x-session-id",
            "x_password",
            "x-vercel-protection-bypass",
        ] {
            assert!(is(name), "{name}");
        }
        for name in [
            "x-tenant",
            "x-region",
            "x-forwarded-host",
            "x-authority",
            "x-author",
            "traceparent",
            "x-request-id",
        ] {
            assert!(!is(name), "{name}");
        }
    }

    fn error(message: &str, data: &str) -> ErrorObject {
        let data = RawJson::parse(data.as_bytes().to_vec()).unwrap();
        ErrorObject { code: 1, message: message.to_owned(), data: Some(data) }
    }
}
