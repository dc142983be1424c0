use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use uuid::Uuid;

use super::secret_method::SecretMethod;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::signing_key::use_crypto;
use crate::auth::{Secret, SigningKey};
use crate::{Error, ErrorKind, Result};

/// How long an assertion of a client about itself is good.
const ASSERTION_SECONDS: u64 = 60;

/// A client as an authorization server knows it.
///
/// ```
/// use oxmcp::auth::ClientCredentials;
///
/// let credentials = ClientCredentials::secret("reports", "s3cret").issuer("https://auth.example.com");
/// ```
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    id: String,
    proof: Proof,
    issuer: Option<String>,
    /// How the server wants it, if the user said so, or the server when the client registered.
    method: Option<String>,
}

/// How a client shows that it is itself.
#[derive(Clone, Debug)]
enum Proof {
    None,
    Secret(Secret),
    Key(SigningKey),
}

impl ClientCredentials {
    /// A client that cannot keep a secret: one on its user's machine.
    pub fn public(id: impl Into<String>) -> Self {
        Self { id: id.into(), proof: Proof::None, issuer: None, method: None }
    }

    /// A client with a secret. It is sent by the first of the methods `client_secret_basic`, `client_secret_post` and `client_secret_jwt`
    /// that the server says to take, or by the first of all if the server does not say; [`method`](Self::method) decides by hand.
    pub fn secret(id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { proof: Proof::Secret(secret.into()), ..Self::public(id) }
    }

    /// A client that signs what it says (`private_key_jwt`; RFC 7523, section 2.2).
    pub fn private_key(id: impl Into<String>, key: SigningKey) -> Self {
        Self { proof: Proof::Key(key), ..Self::public(id) }
    }

    /// The authorization server that knows the client. They are never shown to another one. Without it, they belong to the first
    /// authorization server that the resource names; if it names none, nothing secret is shown to anybody.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// How the secret is used, whatever the authorization server says that it takes: for those that do not say.
    ///
    /// ```
    /// use oxmcp::auth::{ClientCredentials, SecretMethod};
    ///
    /// let credentials = ClientCredentials::secret("reports", "s3cret").method(SecretMethod::Post);
    /// ```
    pub fn method(mut self, method: SecretMethod) -> Self {
        self.method = Some(method.name().to_owned());
        self
    }

    /// The same by the name that the server gave it when the client registered, if it gave one.
    pub(super) fn registered_method(mut self, method: Option<String>) -> Self {
        self.method = method;
        self
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn issued_by(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Whether it shows who it is by something that nobody else has.
    pub(super) fn is_confidential(&self) -> bool {
        !matches!(self.proof, Proof::None)
    }

    /// The secret and the method, for a store.
    pub(super) fn parts(&self) -> (Option<&Secret>, Option<&str>) {
        let secret = match &self.proof {
            Proof::Secret(secret) => Some(secret),
            Proof::None | Proof::Key(_) => None,
        };
        (secret, self.method.as_deref())
    }

    /// Adds to a request for `server` what shows that it comes from this client (RFC 6749, section 2.3; RFC 7523, section 2.2).
    pub(in crate::auth) fn authenticate(
        &self,
        server: &AuthorizationServer,
        headers: &mut HeaderMap,
        form: &mut Vec<(&'static str, String)>,
    ) -> Result<()> {
        const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let assertion = match &self.proof {
            Proof::None => None,
            Proof::Key(key) => {
                Some(self.assertion(&server.issuer, |claims| key.sign(Header::default(), claims))?)
            }
            Proof::Secret(secret) => match self.secret_method(server) {
                None => None,
                Some(SecretMethod::Basic) => {
                    headers.insert(AUTHORIZATION, basic(&self.id, secret)?);
                    return Ok(());
                }
                Some(SecretMethod::Post) => {
                    form.push(("client_secret", secret.expose().to_owned()));
                    None
                }
                Some(SecretMethod::Jwt) => {
                    Some(self.assertion(&server.issuer, |claims| sign_with(secret, claims))?)
                }
            },
        };
        match assertion {
            // It names the client.
            Some(assertion) => {
                form.push(("client_assertion_type", TYPE.to_owned()));
                form.push(("client_assertion", assertion));
            }
            None => form.push(("client_id", self.id.clone())),
        }
        Ok(())
    }

    /// How to use a secret at `server`; `None` if it wants none.
    fn secret_method(&self, server: &AuthorizationServer) -> Option<SecretMethod> {
        // Basic is what every server has, if it does not say what it has (RFC 8414, section 2).
        let named = match (&self.method, &server.token_endpoint_auth_methods_supported) {
            (Some(method), _) => std::slice::from_ref(method),
            (None, Some(methods)) => methods.as_slice(),
            (None, None) => return Some(SecretMethod::Basic),
        };
        let has = |method: &SecretMethod| named.iter().any(|named| named == method.name());
        let known = SecretMethod::ALL.into_iter().find(has);
        let wants_some = named.iter().any(|method| method != "none");
        known.or(wants_some.then_some(SecretMethod::Basic))
    }

    /// What the client says of itself, signed (RFC 7523, section 3).
    fn assertion(
        &self,
        audience: &str,
        sign: impl FnOnce(&AssertionClaims<'_>) -> Result<String>,
    ) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        sign(&AssertionClaims {
            iss: &self.id,
            sub: &self.id,
            aud: audience,
            jti: Uuid::new_v4().to_string(),
            iat: now,
            exp: now + ASSERTION_SECONDS,
        })
    }
}

#[derive(Serialize)]
struct AssertionClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: u64,
    exp: u64,
}

/// A JWT that shows that whoever made it has the secret.
fn sign_with(secret: &Secret, claims: &AssertionClaims<'_>) -> Result<String> {
    use_crypto();
    let key = EncodingKey::from_secret(secret.expose().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key)
        .map_err(|error| Error::new(ErrorKind::Misuse, "the client's secret cannot sign").with_source(error))
}

fn basic(id: &str, secret: &Secret) -> Result<HeaderValue> {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", encode(id), encode(secret.expose())));
    let mut value = HeaderValue::try_from(format!("Basic {pair}"))
        .map_err(|_| Error::misuse("the client's credentials cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::Value;

    use super::*;

    /// How a client shows itself where the metadata says `methods`: the header, and the form.
    fn shown(client: &ClientCredentials, methods: &str) -> (Option<String>, Vec<(&'static str, String)>) {
        let metadata = format!(r#"{{"issuer":"https://auth.example.com"{methods}}}"#);
        let server: AuthorizationServer = serde_json::from_str(&metadata).unwrap();
        let (mut headers, mut form) = (HeaderMap::new(), Vec::new());
        client.authenticate(&server, &mut headers, &mut form).unwrap();
        let header = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
        (header, form)
    }

    #[test]
    fn a_secret_is_used_as_the_user_says_or_else_the_server() {
        let client = ClientCredentials::secret("reports", "s3cret");
        let methods = |names: &str| format!(r#","token_endpoint_auth_methods_supported":[{names}]"#);
        let basic = || (Some(format!("Basic {}", STANDARD.encode("reports:s3cret"))), Vec::new());
        let id = ("client_id", "reports".to_owned());
        let posted = || (None, vec![("client_secret", "s3cret".to_owned()), id.clone()]);
        for (offered, expected) in [
            (String::new(), basic()),
            (methods(r#""client_secret_post","client_secret_basic""#), basic()),
            (methods(r#""client_secret_jwt","client_secret_post""#), posted()),
            (methods(r#""something_new""#), basic()),
            (methods(r#""none""#), (None, vec![id.clone()])),
        ] {
            assert_eq!(shown(&client, &offered), expected, "{offered}");
            // What the user says holds for servers that do not say, and over what they say.
            assert_eq!(shown(&client.clone().method(SecretMethod::Post), &offered), posted(), "{offered}");
            assert_eq!(shown(&client.clone().method(SecretMethod::Basic), &offered), basic(), "{offered}");
        }
    }

    #[test]
    fn a_secret_that_is_not_sent_signs() {
        let client = ClientCredentials::secret("reports", "s3cret");
        let offered = r#","token_endpoint_auth_methods_supported":["client_secret_jwt"]"#;
        for shown in [shown(&client, offered), shown(&client.clone().method(SecretMethod::Jwt), "")] {
            let (None, form) = shown else { panic!("the secret is not sent") };
            let [("client_assertion_type", _), ("client_assertion", assertion)] = &form[..] else {
                panic!("{form:?}")
            };
            let mut validation = Validation::new(Algorithm::HS256);
            validation.set_audience(&["https://auth.example.com"]);
            validation.set_issuer(&["reports"]);
            let key = DecodingKey::from_secret(b"s3cret");
            let claims = jsonwebtoken::decode::<Value>(assertion, &key, &validation).unwrap().claims;
            assert_eq!(claims["sub"], "reports");
        }
    }
}
