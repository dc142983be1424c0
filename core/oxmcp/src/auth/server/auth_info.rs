use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use super::NotVerified;
use crate::auth::{Scopes, Secret};

/// Who makes a request, as its access token says.
///
/// Sessions, tasks, and what clients carry between the rounds of a request belong to `issuer`, `subject` and `client_id` together. Where
/// there is no subject, introspection may name a user (`username`) in its place. Otherwise they belong to the token, and end with it: a
/// client alone may be one that many users have.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AuthInfo {
    /// The user, or the client if it speaks for itself (`sub`). It is unique at its issuer alone.
    pub subject: Option<String>,
    /// The client that the token was issued to (`client_id`, or `azp`).
    pub client_id: Option<String>,
    /// Who issued the token (`iss`).
    pub issuer: Option<String>,
    /// What the token is good for: the first 256 scopes that it names.
    pub scopes: Scopes,
    /// When it expires.
    pub expires_at: Option<SystemTime>,
    /// Everything that is said with the token. What is said of a key to which it is bound (`cnf`) is checked.
    pub claims: Map<String, Value>,
    /// What its owner is called where they have no subject.
    username: Option<Box<str>>,
    /// What the token is known by here if it does not say whose it is.
    nameless: Option<Box<str>>,
}

impl AuthInfo {
    /// What the claims of a token say (RFC 9068, section 2.2; RFC 7662, section 2.2).
    pub fn from_claims(claims: Map<String, Value>) -> Self {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        // Some servers name it `scp`, and some write an array.
        let scopes = match claims.get("scope").or_else(|| claims.get("scp")) {
            Some(Value::String(list)) => Scopes::parse_of_peer(list),
            Some(Value::Array(list)) => Scopes::of_peer(list.iter().filter_map(Value::as_str)),
            _ => Scopes::default(),
        };
        let seconds = claims.get("exp").and_then(Value::as_f64);
        let expires_at = seconds.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
        Self {
            subject: text("sub"),
            client_id: text("client_id").or_else(|| text("azp")),
            issuer: text("iss"),
            scopes,
            expires_at: expires_at.and_then(|at| SystemTime::UNIX_EPOCH.checked_add(at)),
            username: None,
            nameless: None,
            claims,
        }
    }

    /// The same with what the issuer itself calls the token's owner (`username`; RFC 7662, section 2.2). Elsewhere that may be anything.
    pub(super) fn with_username(mut self) -> Self {
        let username = self.claims.get("username").and_then(Value::as_str);
        self.username = username.filter(|name| !name.is_empty()).map(Into::into);
        self
    }

    /// Whether it says whose the token is. A client that speaks for itself is its subject (RFC 9068, section 2.2).
    fn names_owner(&self) -> bool {
        is_name(&self.subject) || self.username.is_some()
    }

    /// Itself, if it says who is let in, or by which client (RFC 9068, section 2.2, requires both of a token).
    pub(super) fn named(self) -> Result<Self, NotVerified> {
        if self.names_owner() || is_name(&self.client_id) {
            return Ok(self);
        }
        Err(NotVerified::Invalid("it names neither a user nor a client (`sub`, `client_id`)".to_owned()))
    }

    /// The same for who shows `token`: whoever is not named is nobody but who has this very token. All users of a client would be one.
    pub(super) fn shown_by(mut self, token: &Secret) -> Self {
        if !self.names_owner() {
            let digest = digest(&SHA256, token.expose().as_bytes());
            self.nameless = Some(URL_SAFE_NO_PAD.encode(digest).into());
        }
        self
    }

    /// Under which name sessions, tasks and sealed state belong to whoever this is: another user, or another client, has another one.
    pub(crate) fn principal(&self) -> String {
        if let Some(token) = &self.nameless {
            return format!("token {token}");
        }
        // Lengths keep one's end from being another's beginning.
        let part = |part: Option<&str>| match part {
            Some(part) => format!("{}:{part}", part.len()),
            None => "-".to_owned(),
        };
        let (issuer, client) = (part(self.issuer.as_deref()), part(self.client_id.as_deref()));
        match &self.username {
            Some(username) if !is_name(&self.subject) => {
                format!("username {issuer} {} {client}", part(Some(username)))
            }
            _ => format!("{issuer} {} {client}", part(self.subject.as_deref())),
        }
    }
}

fn is_name(name: &Option<String>) -> bool {
    name.as_ref().is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::binding::Binding;
    use super::*;

    fn info(claims: Value) -> AuthInfo {
        match claims {
            Value::Object(claims) => AuthInfo::from_claims(claims),
            _ => panic!("claims are an object"),
        }
    }

    #[test]
    fn claims_are_read_in_the_forms_that_servers_write() {
        let user = info(json!({
            "iss": "https://a.example", "sub": "u", "azp": "c", "scp": ["a", "b"], "exp": 5, "cnf": {"jkt": "k"}, "team": 7
        }));
        assert_eq!(user.scopes, Scopes::from(["a", "b"]));
        assert_eq!((user.subject.as_deref(), user.client_id.as_deref()), (Some("u"), Some("c")));
        assert_eq!(Binding::of(&user.claims), Binding::Key("k"));
        assert_eq!(user.expires_at, Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(5)));
        assert_eq!(user.claims["team"], 7);
        assert_eq!(info(json!({"scope": "a b", "exp": -1})).expires_at, None);
    }

    #[test]
    fn nobody_is_taken_for_somebody_else() {
        let names = [
            info(json!({"sub": "a"})).principal(),
            info(json!({"sub": "a", "client_id": "b"})).principal(),
            info(json!({"sub": "a 1:b"})).principal(),
            info(json!({"iss": "a"})).principal(),
            info(json!({"client_id": "a"})).principal(),
            info(json!({"sub": "-"})).principal(),
            info(json!({})).principal(),
            info(json!({"iss": "a"})).shown_by(&"one".into()).principal(),
            info(json!({"sub": "", "client_id": ""})).shown_by(&"two".into()).principal(),
            // A client may have many users.
            info(json!({"client_id": "a"})).shown_by(&"three".into()).principal(),
            info(json!({"sub": "", "client_id": "a"})).shown_by(&"four".into()).principal(),
            info(json!({"azp": "a", "username": "ann"})).shown_by(&"five".into()).principal(),
            info(json!({"client_id": "a", "username": "a"}))
                .with_username()
                .shown_by(&"six".into())
                .principal(),
            info(json!({"client_id": "a", "username": ""}))
                .with_username()
                .shown_by(&"six".into())
                .principal(),
            info(json!({"client_id": "b", "username": "a"}))
                .with_username()
                .shown_by(&"six".into())
                .principal(),
        ];
        for (at, name) in names.iter().enumerate() {
            assert!(!names[at + 1..].contains(name), "{name}");
        }
        let ann = info(json!({"sub": "ann"})).principal();
        assert_eq!(info(json!({"sub": "ann"})).shown_by(&"any".into()).principal(), ann);
        let ann = || info(json!({"username": "ann"})).with_username();
        assert_eq!(ann().shown_by(&"one".into()).principal(), ann().shown_by(&"two".into()).principal());
        let (one, other) = (json!({"sub": "a", "username": "ann"}), json!({"sub": "b", "username": "ann"}));
        assert_ne!(info(one).with_username().principal(), info(other).with_username().principal());
    }
}
