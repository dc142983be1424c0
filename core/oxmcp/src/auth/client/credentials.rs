use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::Header;
use serde::Serialize;
use uuid::Uuid;

use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::{Secret, SigningKey};
use crate::{Error, Result};

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
    /// How the server wants it, if it said so when the client registered.
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

    /// A client with a secret, sent by the method that the server takes: `client_secret_basic` or `client_secret_post`.
    pub fn secret(id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { proof: Proof::Secret(secret.into()), ..Self::public(id) }
    }

    /// A client that signs what it says (`private_key_jwt`; RFC 7523, section 2.2).
    pub fn private_key(id: impl Into<String>, key: SigningKey) -> Self {
        Self { proof: Proof::Key(key), ..Self::public(id) }
    }

    /// The authorization server that knows the client. They are never shown to another one. Without it, they belong to the first
    /// authorization server that the resource names.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    pub(super) fn method(mut self, method: Option<String>) -> Self {
        self.method = method;
        self
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn issued_by(&self) -> Option<&str> {
        self.issuer.as_deref()
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
        match &self.proof {
            Proof::None => form.push(("client_id", self.id.clone())),
            Proof::Secret(_) if !self.wants_secret(server) => form.push(("client_id", self.id.clone())),
            Proof::Secret(secret) if self.posts_secret(server) => {
                form.push(("client_id", self.id.clone()));
                form.push(("client_secret", secret.expose().to_owned()));
            }
            Proof::Secret(secret) => {
                headers.insert(AUTHORIZATION, basic(&self.id, secret)?);
            }
            Proof::Key(key) => {
                const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                form.push(("client_assertion_type", TYPE.to_owned()));
                form.push(("client_assertion", self.assertion(key, &server.issuer)?));
            }
        }
        Ok(())
    }

    fn wants_secret(&self, server: &AuthorizationServer) -> bool {
        match (&self.method, &server.token_endpoint_auth_methods_supported) {
            (Some(method), _) => method != "none",
            (None, Some(methods)) => methods.iter().any(|method| method != "none"),
            (None, None) => true,
        }
    }

    fn posts_secret(&self, server: &AuthorizationServer) -> bool {
        match (&self.method, &server.token_endpoint_auth_methods_supported) {
            (Some(method), _) => method == "client_secret_post",
            // Basic is what every server has, if it does not say what it has (RFC 8414, section 2).
            (None, Some(methods)) => {
                let has = |wanted: &str| methods.iter().any(|method| method == wanted);
                has("client_secret_post") && !has("client_secret_basic")
            }
            (None, None) => false,
        }
    }

    fn assertion(&self, key: &SigningKey, audience: &str) -> Result<String> {
        #[derive(Serialize)]
        struct Claims<'a> {
            iss: &'a str,
            sub: &'a str,
            aud: &'a str,
            jti: String,
            iat: u64,
            exp: u64,
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = Claims {
            iss: &self.id,
            sub: &self.id,
            aud: audience,
            jti: Uuid::new_v4().to_string(),
            iat: now,
            exp: now + ASSERTION_SECONDS,
        };
        key.sign(Header::default(), &claims)
    }
}

fn basic(id: &str, secret: &Secret) -> Result<HeaderValue> {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", encode(id), encode(secret.expose())));
    let mut value = HeaderValue::try_from(format!("Basic {pair}"))
        .map_err(|_| Error::misuse("the client's credentials cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}
