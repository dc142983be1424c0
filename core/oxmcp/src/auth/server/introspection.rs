use std::fmt;

use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use url::Url;

use super::{AuthInfo, NotVerified, TokenVerifier};
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;
use crate::auth::reach::Reach;
use crate::auth::{ClientCredentials, Secret};
use crate::{Error, Result};

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
    issuer: String,
    endpoint: Option<Url>,
    client: ClientCredentials,
    audiences: Vec<String>,
    fetch: Fetch,
    server: OnceCell<AuthorizationServer>,
}

impl Introspection {
    /// Asks `issuer`, whose metadata says where; as `client`, which is this server as the authorization server knows it.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the issuer is no URL.
    pub fn new(issuer: impl Into<String>, client: ClientCredentials) -> Result<Self> {
        let issuer = issuer.into();
        let named = Url::parse(&issuer)
            .map_err(|error| Error::misuse(format!("the issuer {issuer:?} is not a URL: {error}")))?;
        Ok(Self {
            issuer,
            endpoint: None,
            client,
            audiences: Vec::new(),
            fetch: Fetch::new(Reach::new([named])),
            server: OnceCell::new(),
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
        self.fetch = Fetch::new(Reach::new([url.clone()]));
        self.endpoint = Some(url);
        Ok(self)
    }

    /// Another name that tokens for this server may have in `aud`, beside its resource's own.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    async fn server(&self) -> Result<&AuthorizationServer> {
        let server = async {
            match &self.endpoint {
                Some(url) => Ok(AuthorizationServer::with_token_endpoint(url)),
                None => AuthorizationServer::discover(&self.fetch, &self.issuer).await,
            }
        };
        self.server.get_or_try_init(|| server).await
    }

    async fn claims(&self, token: &Secret) -> Result<Map<String, Value>, NotVerified> {
        let unavailable = |error: Error| NotVerified::Unavailable(error.to_string());
        let server = self.server().await.map_err(unavailable)?;
        let url = self.endpoint.as_ref().or(server.introspection_endpoint.as_ref()).ok_or_else(|| {
            NotVerified::Unavailable(format!("{} does not say where it tells what tokens are", self.issuer))
        })?;
        let mut headers = HeaderMap::new();
        let mut form =
            vec![("token", token.expose().to_owned()), ("token_type_hint", "access_token".to_owned())];
        self.client.authenticate(server, &mut headers, &mut form).map_err(unavailable)?;
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = self.fetch.post_form(url, headers, &form).await.map_err(unavailable)?;
        if answer.status != StatusCode::OK {
            let why = format!("{} answered with HTTP {} what a token is", self.issuer, answer.status);
            return Err(NotVerified::Unavailable(why));
        }
        answer
            .json()
            .ok_or_else(|| NotVerified::Unavailable(format!("{} did not say what a token is", self.issuer)))
    }

    /// Checks what the issuer said, and for whom.
    fn check(&self, claims: Map<String, Value>, resource: &str) -> Result<AuthInfo, NotVerified> {
        let invalid = |why: &str| Err(NotVerified::Invalid(why.to_owned()));
        if claims.get("active") != Some(&Value::Bool(true)) {
            return invalid("it is not good, or not any more");
        }
        if claims.get("iss").is_some_and(|issuer| issuer.as_str() != Some(&self.issuer)) {
            return invalid(&format!("it is of another issuer (its iss is not {})", self.issuer));
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
        let info = AuthInfo::from_claims(claims);
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
        f.debug_struct("Introspection").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
