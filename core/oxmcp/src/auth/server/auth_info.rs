use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::auth::Scopes;

/// Who makes a request, as its access token says.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AuthInfo {
    /// The user, or the client if it speaks for itself (`sub`). It is unique at its issuer alone.
    pub subject: Option<String>,
    /// The client that the token was issued to (`client_id`, or `azp`).
    pub client_id: Option<String>,
    /// Who issued the token (`iss`).
    pub issuer: Option<String>,
    /// What the token is good for.
    pub scopes: Scopes,
    /// When it expires.
    pub expires_at: Option<SystemTime>,
    /// Everything that is said with the token.
    pub claims: Map<String, Value>,
    /// The key to which the token is bound, by its thumbprint (RFC 9449, section 6.1).
    pub(crate) bound_to: Option<String>,
}

impl AuthInfo {
    /// What the claims of a token say (RFC 9068, section 2.2; RFC 7662, section 2.2).
    pub fn from_claims(claims: Map<String, Value>) -> Self {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        // Some servers name it `scp`, and some write an array.
        let scopes = match claims.get("scope").or_else(|| claims.get("scp")) {
            Some(Value::String(list)) => Scopes::parse(list),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
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
            bound_to: claims
                .get("cnf")
                .and_then(|confirmation| confirmation.get("jkt"))
                .and_then(Value::as_str)
                .map(str::to_owned),
            claims,
        }
    }

    /// Under which name sessions, tasks and sealed state belong to whoever this is: another user, or another client, has another one.
    pub(crate) fn principal(&self) -> String {
        // Lengths keep one's end from being another's beginning.
        let part = |part: &Option<String>| match part {
            Some(part) => format!("{}:{part}", part.len()),
            None => "-".to_owned(),
        };
        format!("{} {} {}", part(&self.issuer), part(&self.subject), part(&self.client_id))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        assert_eq!(user.bound_to.as_deref(), Some("k"));
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
        ];
        for (at, name) in names.iter().enumerate() {
            assert!(!names[at + 1..].contains(name), "{name}");
        }
    }
}
