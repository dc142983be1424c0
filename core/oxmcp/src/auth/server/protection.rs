use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};

use super::binding::Binding;
use super::dpop::{BadProof, Proofs, Proven};
use super::dpop_nonces::Nonces;
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
    nonces: Option<Nonces>,
    /// Scopes that imply others.
    implied: Vec<(String, Scopes)>,
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
            nonces: None,
            implied: Vec::new(),
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

    /// Wants proofs to hold a nonce that this server has given a few minutes ago at most (RFC 9449, section 9). A client is told so when it
    /// first comes, and again after a while without requests. With it, proofs that were made beforehand open nothing, none is taken twice
    /// however many there are, and clients' clocks do not matter.
    ///
    /// # Errors
    ///
    /// [`Internal`](crate::ErrorKind::Internal) if this system has no randomness.
    pub fn require_dpop_nonce(self) -> Result<Self> {
        let nonces = Nonces::random()?;
        Ok(self.with(|inner| inner.nonces = Some(nonces)))
    }

    /// The same for one of several servers behind one URL: they take each other's nonces if they have the same key, at least 32 bytes that
    /// nobody can guess. Which proofs were used each of them knows for itself.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the key is shorter.
    pub fn dpop_nonce_key(self, key: impl Into<Secret>) -> Result<Self> {
        let nonces = Nonces::with(&key.into())?;
        Ok(self.with(|inner| inner.nonces = Some(nonces)))
    }

    /// Whoever has a token with `scope` has what all of `implied` open too, and so on (2026-07-28, authorization, "Step-Up Authorization
    /// Flow"). Handlers see all of them in [`AuthInfo::scopes`].
    ///
    /// ```
    /// # use oxmcp::auth::{JwtVerifier, Protection};
    /// # fn main() -> Result<(), oxmcp::Error> {
    /// # let verifier = JwtVerifier::new("https://auth.example.com")?;
    /// let protection = Protection::new("https://mcp.example.com/mcp", "https://auth.example.com", verifier)?
    ///     .implies("files", ["files:read", "files:write"])
    ///     .scopes(["files:read"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn implies<S: AsRef<str>>(
        self,
        scope: impl Into<String>,
        implied: impl IntoIterator<Item = S>,
    ) -> Self {
        self.with(|inner| inner.implied.push((scope.into(), implied.into_iter().collect())))
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

    /// Whose a request is, and the nonce that its client is to use from now on, if there is a new one.
    pub(crate) async fn check(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<(Arc<AuthInfo>, Option<HeaderValue>), Refusal> {
        let inner = &*self.inner;
        let mut credentials = headers.get_all(AUTHORIZATION).iter();
        let Some(credential) = credentials.next() else { return Err(inner.unauthorized()) };
        if credentials.next().is_some() {
            return Err(Refusal::Malformed("the request has several Authorization headers"));
        }
        let credential = credential.to_str().ok().and_then(|credential| credential.split_once(' '));
        let Some((scheme, token)) = credential else { return Err(inner.unauthorized()) };
        let is_bound = scheme.eq_ignore_ascii_case("DPoP");
        if !is_bound && !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(inner.unauthorized());
        }
        let token = Secret::new(token.trim());
        let mut info = match inner.verify(&token).await {
            Ok(info) => info.shown_by(&token),
            Err(NotVerified::Invalid(why)) => return Err(inner.refuse_token(&why, is_bound)),
            Err(NotVerified::Unavailable(why)) => {
                inner.troubles.tell(&why);
                return Err(Refusal::Unavailable);
            }
        };
        let mut nonce = None;
        match (Binding::of(&info.claims), is_bound) {
            (Binding::Key(bound_to), true) => {
                let proven = Proven { method, resource: inner.resource.url(), path, token: &token, bound_to };
                let checked = inner.proofs.check(headers, &proven, inner.nonces.as_ref());
                nonce = checked.map_err(|bad| match bad {
                    BadProof::Wrong(why) => inner.refuse_proof(why),
                    BadProof::Nonce(nonce) => inner.want_nonce(nonce),
                })?;
            }
            // Whoever stole it must not get away with it.
            (Binding::Key(_), false) => {
                return Err(inner.refuse_proof("the token is bound to a key and needs a proof"));
            }
            (Binding::Unknown, _) => {
                return Err(
                    inner.refuse_token("it is bound in a way that this server cannot check", is_bound)
                );
            }
            (Binding::Nothing, true) => return Err(inner.refuse_proof("the token is bound to no key")),
            (Binding::Nothing, false) if inner.requires_dpop => {
                return Err(inner.refuse_proof("this server takes only tokens that are bound to a key"));
            }
            (Binding::Nothing, false) => {}
        }
        inner.complete(&mut info.scopes);
        if !info.scopes.contains_all(&inner.required) {
            return Err(self.insufficient(&info, &Scopes::default()));
        }
        Ok((Arc::new(info), nonce))
    }

    /// The refusal of a request that needs `scopes`, beside what every request needs, and whose token is not good for all of them (RFC 6750,
    /// section 3.1).
    pub(crate) fn insufficient(&self, auth: &AuthInfo, scopes: &Scopes) -> Refusal {
        let needed = self.inner.required.clone().union(scopes);
        Refusal::Forbidden(Challenge {
            error: Some("insufficient_scope".to_owned()),
            scope: Some(needed),
            ..self.inner.challenge(Binding::of(&auth.claims) != Binding::Nothing)
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

    /// Adds to the scopes of a token those that they imply.
    fn complete(&self, scopes: &mut Scopes) {
        // Each round adds one that was not there, or is the last.
        for _ in 0..self.implied.len() {
            let lacking = self.implied.iter().filter(|(scope, _)| scopes.contains(scope));
            let lacking: Vec<_> = lacking.filter(|(_, implied)| !scopes.contains_all(implied)).collect();
            if lacking.is_empty() {
                return;
            }
            for (_, implied) in lacking {
                implied.iter().for_each(|scope| scopes.insert(scope));
            }
        }
    }

    /// What is wanted, of who used a bound token if `is_bound`.
    fn challenge(&self, is_bound: bool) -> Challenge {
        let scheme = if self.requires_dpop || is_bound { "DPoP" } else { "Bearer" };
        Challenge {
            scheme: scheme.to_owned(),
            resource_metadata: Some(self.metadata.url().to_string()),
            ..Challenge::default()
        }
    }

    /// The refusal of a request without a token.
    fn unauthorized(&self) -> Refusal {
        Refusal::Unauthorized(Challenge { scope: self.wanted(), ..self.challenge(false) })
    }

    fn refuse_token(&self, why: &str, is_bound: bool) -> Refusal {
        Refusal::Unauthorized(Challenge {
            error: Some("invalid_token".to_owned()),
            error_description: Some(why.to_owned()),
            scope: self.wanted(),
            ..self.challenge(is_bound)
        })
    }

    fn wanted(&self) -> Option<Scopes> {
        Some(self.required.clone()).filter(|required| !required.is_empty())
    }

    fn refuse_proof(&self, why: &str) -> Refusal {
        Refusal::Unauthorized(Challenge {
            error: Some("invalid_dpop_proof".to_owned()),
            error_description: Some(why.to_owned()),
            ..self.challenge(true)
        })
    }

    fn want_nonce(&self, nonce: HeaderValue) -> Refusal {
        let error = Some("use_dpop_nonce".to_owned());
        Refusal::WantsNonce(Box::new(Challenge { error, ..self.challenge(true) }), nonce)
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protection").field("resource", &self.inner.canonical).finish_non_exhaustive()
    }
}
