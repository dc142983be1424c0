use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};
use url::Url;

use super::flights::Flights;
use super::introspection_endpoint::IntrospectionEndpoint;
use super::{AuthInfo, NotVerified, TokenVerifier};
use crate::auth::issuer::is_same_issuer;
use crate::auth::{ClientCredentials, Secret};
use crate::{Error, Result};

/// Tokens that are asked about at once, unless the user says otherwise.
const AT_ONCE: usize = 64;

/// Bytes of a token. Longer ones fit into no header of common servers.
const MAX_BYTES: usize = 16 << 10;

/// Asks the authorization server what a token is, each time (RFC 7662): for tokens that say nothing themselves, or that may be
/// withdrawn at any moment.
///
/// ```
/// # fn main() -> Result<(), oxmcp::Error> {
/// use oxmcp::auth::{ClientCredentials, Introspection};
///
/// let verifier = Introspection::new("https://auth.example.com", ClientCredentials::secret("files", "s3cret"))?;
/// # Ok(())
/// # }
/// ```
pub struct Introspection {
    endpoint: Arc<IntrospectionEndpoint>,
    audiences: Vec<String>,
    flights: Flights<Result<Map<String, Value>, NotVerified>>,
}

impl Introspection {
    /// Asks `issuer`, whose metadata says where; as `client`, which is this server as the authorization server knows it.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the issuer is no URL.
    pub fn new(issuer: impl Into<String>, client: ClientCredentials) -> Result<Self> {
        Ok(Self {
            endpoint: Arc::new(IntrospectionEndpoint::new(issuer.into(), None, client)?),
            audiences: Vec::new(),
            flights: Flights::new(AT_ONCE),
        })
    }

    /// Asks at this URL, whatever the metadata says.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if that is no URL.
    pub fn endpoint(mut self, url: &str) -> Result<Self> {
        let url = Url::parse(url).map_err(|error| {
            Error::misuse(format!("the introspection endpoint {url:?} is not a URL: {error}"))
        })?;
        self.endpoint = Arc::new(self.endpoint.at(url)?);
        Ok(self)
    }

    /// How many tokens are asked about at once. Default: 64. Sixteen times as many wait for their turn; whoever comes then is told to try
    /// again later (HTTP 503), for anybody can send tokens. Those who show the same token at the same time share the answer.
    pub fn at_once(mut self, tokens: usize) -> Self {
        self.flights = Flights::new(tokens);
        self
    }

    /// Another name that tokens for this server may have in `aud`, beside its resource's own.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    async fn claims(&self, token: &Secret) -> Result<Map<String, Value>, NotVerified> {
        if token.expose().len() > MAX_BYTES {
            return Err(NotVerified::Invalid("it is too long".to_owned()));
        }
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, token.expose().as_bytes()).as_ref());
        let ask = || {
            let (endpoint, token) = (self.endpoint.clone(), token.clone());
            async move { endpoint.ask(&token).await }
        };
        match self.flights.join(key, ask) {
            Some(flight) => flight.await,
            None => Err(NotVerified::Unavailable(format!(
                "{} is asked about as many tokens as it may be",
                self.endpoint.issuer
            ))),
        }
    }

    /// Checks what the issuer said, and for whom.
    fn check(&self, claims: Map<String, Value>, resource: &str) -> Result<AuthInfo, NotVerified> {
        let invalid = |why: &str| Err(NotVerified::Invalid(why.to_owned()));
        if claims.get("active") != Some(&Value::Bool(true)) {
            return invalid("it is not good, or not any more");
        }
        let issuer = &self.endpoint.issuer;
        let is_own_issuer = |named: &str| is_same_issuer(named, issuer);
        if claims.get("iss").is_some_and(|issuer| !issuer.as_str().is_some_and(is_own_issuer)) {
            return invalid(&format!("it is of another issuer (its iss is not {issuer})"));
        }
        let is_own = |name: &Value| {
            let name = name.as_str();
            name == Some(resource) || self.audiences.iter().any(|own| name == Some(own.as_str()))
        };
        let is_for_this = match claims.get("aud") {
            Some(Value::Array(names)) => names.iter().any(is_own),
            Some(name) => is_own(name),
            None => false,
        };
        if !is_for_this {
            return invalid(&format!(
                "it was issued for another server, or does not say for which (its aud is not {resource})"
            ));
        }
        let info = AuthInfo::from_claims(claims).with_username();
        if info.expires_at.is_some_and(|at| at <= std::time::SystemTime::now()) {
            return invalid("it has expired");
        }
        info.named()
    }
}

impl TokenVerifier for Introspection {
    fn verify<'a>(
        &'a self,
        token: &'a Secret,
        resource: &'a str,
    ) -> BoxFuture<'a, Result<AuthInfo, NotVerified>> {
        Box::pin(async move { self.check(self.claims(token).await?, resource) })
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection").field("issuer", &self.endpoint.issuer).finish_non_exhaustive()
    }
}
