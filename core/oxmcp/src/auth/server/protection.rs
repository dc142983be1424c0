use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};

use super::binding::Binding;
use super::dpop::{Proofs, Proven};
use super::metadata::{Facts, Metadata};
use super::refusal::Refusal;
use super::troubles::Troubles;
use super::{AuthInfo, NotVerified, TokenVerifier};
use crate::auth::challenge::Challenge;
use crate::auth::{Resource, Scopes, Secret};
use crate::connection::panic_words;
use crate::{Error, Result};

/// How long it may take to find out whose a token is.
const PATIENCE: Duration = Duration::from_secs(15);

/// What protects a server: who may use it, and what it says to those who may not (2026-07-28, authorization).
///
/// ```
/// # fn main() -> Result<(), oxmcp::Error> {
/// use oxmcp::auth::{JwtVerifier, Protection};
///
/// let verifier = JwtVerifier::new("https://auth.example.com")?;
/// let protection = Protection::new("https://mcp.example.com/mcp", "https://auth.example.com", verifier)?.scopes(["mcp"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Protection {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    resource: Resource,
    canonical: String,
    verifier: Arc<dyn TokenVerifier>,
    authorization_servers: Vec<String>,
    /// What every request needs.
    required: Scopes,
    /// What clients may ask for.
    supported: Scopes,
    name: Option<String>,
    documentation: Option<String>,
    requires_dpop: bool,
    metadata: Metadata,
    proofs: Arc<Proofs>,
    troubles: Arc<Troubles>,
}

impl Protection {
    /// Protects the server at `resource`, the URL by which its clients know it, for whoever has a token of `authorization_server`. `verifier`
    /// tells whose a token is.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the URL of the resource is none.
    pub fn new(
        resource: &str,
        authorization_server: impl Into<String>,
        verifier: impl TokenVerifier,
    ) -> Result<Self> {
        let resource = Resource::at(resource)?;
        if !matches!(resource.url().scheme(), "http" | "https") {
            return Err(Error::misuse(format!("the resource {} is not served over HTTP", resource.url())));
        }
        let authorization_servers = vec![authorization_server.into()];
        let facts = Facts {
            name: None,
            documentation: None,
            authorization_servers: &authorization_servers,
            scopes: &Scopes::default(),
            requires_dpop: false,
        };
        let inner = Inner {
            metadata: Metadata::new(&resource, &facts),
            canonical: resource.canonical(),
            resource,
            verifier: Arc::new(verifier),
            authorization_servers,
            required: Scopes::default(),
            supported: Scopes::default(),
            name: None,
            documentation: None,
            requires_dpop: false,
            proofs: Arc::default(),
            troubles: Arc::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Another authorization server whose tokens the verifier takes.
    pub fn authorization_server(self, issuer: impl Into<String>) -> Self {
        self.with(|inner| inner.authorization_servers.push(issuer.into()))
    }

    /// What every request needs. Tools may need more (`Tool::scopes`).
    pub fn scopes<S: AsRef<str>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.with(|inner| inner.required = scopes.into_iter().collect())
    }

    /// What clients are told that they may ask for from the beginning. Default: what every request needs. Where every request needs some,
    /// the challenge names these, and clients ask for them first (2026-07-28, authorization, "Scope Selection Strategy").
    pub fn scopes_supported<S: AsRef<str>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.with(|inner| inner.supported = scopes.into_iter().collect())
    }

    /// What the server is called before users.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.with(|inner| inner.name = Some(name.into()))
    }

    /// The URL of a page for developers of clients.
    pub fn documentation(self, url: impl Into<String>) -> Self {
        self.with(|inner| inner.documentation = Some(url.into()))
    }

    /// Takes only tokens that are bound to a key (RFC 9449). Without it, such tokens are taken with their proofs, and others without.
    pub fn require_dpop(self) -> Self {
        self.with(|inner| inner.requires_dpop = true)
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        let inner = Arc::make_mut(&mut self.inner);
        change(inner);
        let scopes = if inner.supported.is_empty() { &inner.required } else { &inner.supported };
        let facts = Facts {
            name: inner.name.as_deref(),
            documentation: inner.documentation.as_deref(),
            authorization_servers: &inner.authorization_servers,
            scopes,
            requires_dpop: inner.requires_dpop,
        };
        inner.metadata = Metadata::new(&inner.resource, &facts);
        self
    }

    /// The metadata of the server, if it is what is asked for at `path`.
    pub(crate) fn metadata(&self, path: &str) -> Option<(HeaderMap, Bytes)> {
        self.inner.metadata.at(path)
    }

    /// Whose a request is.
    pub(crate) async fn check(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Arc<AuthInfo>, Refusal> {
        let inner = &*self.inner;
        let mut credentials = headers.get_all(AUTHORIZATION).iter();
        let Some(credential) = credentials.next() else { return Err(inner.unauthorized(None)) };
        if credentials.next().is_some() {
            return Err(Refusal::Malformed("the request has several Authorization headers"));
        }
        let credential = credential.to_str().ok().and_then(|credential| credential.split_once(' '));
        let Some((scheme, token)) = credential else { return Err(inner.unauthorized(None)) };
        let is_bound = scheme.eq_ignore_ascii_case("DPoP");
        if !is_bound && !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(inner.unauthorized(None));
        }
        let token = Secret::new(token.trim());
        let info = match inner.verify(&token).await {
            Ok(info) => info.shown_by(&token),
            Err(NotVerified::Invalid(why)) => return Err(inner.unauthorized(Some(&why))),
            Err(NotVerified::Unavailable(why)) => {
                inner.troubles.tell(&why);
                return Err(Refusal::Unavailable);
            }
        };
        match (Binding::of(&info.claims), is_bound) {
            (Binding::Key(bound_to), true) => {
                let proven = Proven { method, resource: inner.resource.url(), path, token: &token, bound_to };
                inner.proofs.check(headers, &proven).map_err(|why| inner.refuse_proof(why))?;
            }
            // Whoever stole it must not get away with it.
            (Binding::Key(_), false) => {
                return Err(inner.refuse_proof("the token is bound to a key and needs a proof"));
            }
            (Binding::Unknown, _) => {
                return Err(inner.unauthorized(Some("it is bound in a way that this server cannot check")));
            }
            (Binding::Nothing, true) => return Err(inner.refuse_proof("the token is bound to no key")),
            (Binding::Nothing, false) if inner.requires_dpop => {
                return Err(inner.refuse_proof("this server takes only tokens that are bound to a key"));
            }
            (Binding::Nothing, false) => {}
        }
        if !info.scopes.contains_all(&inner.required) {
            return Err(self.insufficient(&Scopes::default()));
        }
        Ok(Arc::new(info))
    }

    /// The refusal of a request that needs `scopes`, beside what every request needs, and whose token is not good for all of them (RFC 6750,
    /// section 3.1).
    pub(crate) fn insufficient(&self, scopes: &Scopes) -> Refusal {
        let needed = self.inner.required.clone().union(scopes);
        Refusal::Forbidden(Challenge {
            error: Some("insufficient_scope".to_owned()),
            scope: Some(needed),
            ..self.inner.challenge()
        })
    }
}

impl Inner {
    /// Whose a token is, whatever the verifier does: somebody else may have written it, and anybody may have written the token.
    async fn verify(&self, token: &Secret) -> Result<AuthInfo, NotVerified> {
        let work = AssertUnwindSafe(async { self.verifier.verify(token, &self.canonical).await });
        match tokio::time::timeout(PATIENCE, work.catch_unwind()).await {
            Ok(Ok(verified)) => verified,
            Ok(Err(panic)) => {
                Err(NotVerified::Unavailable(format!("the verifier panicked: {}", panic_words(&*panic))))
            }
            Err(_) => Err(NotVerified::Unavailable(format!("it takes longer than {PATIENCE:?}"))),
        }
    }

    fn challenge(&self) -> Challenge {
        let scheme = if self.requires_dpop { "DPoP" } else { "Bearer" };
        Challenge {
            scheme: scheme.to_owned(),
            resource_metadata: Some(self.metadata.url().to_string()),
            ..Challenge::default()
        }
    }

    fn unauthorized(&self, why: Option<&str>) -> Refusal {
        let scope = Some(self.required.clone()).filter(|required| !required.is_empty());
        Refusal::Unauthorized(Challenge {
            error: why.map(|_| "invalid_token".to_owned()),
            error_description: why.map(str::to_owned),
            scope,
            ..self.challenge()
        })
    }

    fn refuse_proof(&self, why: &str) -> Refusal {
        Refusal::Unauthorized(Challenge {
            scheme: "DPoP".to_owned(),
            error: Some("invalid_dpop_proof".to_owned()),
            error_description: Some(why.to_owned()),
            ..self.challenge()
        })
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protection").field("resource", &self.inner.canonical).finish_non_exhaustive()
    }
}
