use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use tokio::sync::{Mutex, Notify};
use tokio::time::error::Elapsed;
use url::Url;

use super::attempt::Attempt;
use super::authorization::Authorization;
use super::authorization_code::CodeRequest;
use super::credentials::ClientCredentials;
use super::dpop::DpopKey;
use super::grant::{Code, Grant};
use super::protected_resource::ProtectedResource;
use super::registration::Registration;
use super::token_endpoint::{NoToken, TokenEndpoint};
use super::tokens::{Tokens, Wanted};
use super::user_agent::Visit;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::challenge::Challenge;
use crate::auth::fetch::Fetch;
use crate::auth::reach::Reach;
use crate::auth::{Resource, Scopes};
use crate::store::TokenLock;
use crate::{Error, ErrorKind, Result};

/// How long another process may hold the tokens beyond the time that its user has.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// How a server says that it does not know the client (RFC 6749, section 5.2).
const INVALID_CLIENT: &str = "invalid_client";

/// What keeps one client authorized with one server. Its clones are the same.
#[derive(Clone)]
pub(crate) struct Authorizer {
    inner: Arc<Inner>,
}

struct Inner {
    plan: Authorization,
    resource: Resource,
    fetch: Fetch,
    current: RwLock<Current>,
    /// Who grants access, as far as is known. Whoever holds it is the only one in this process who asks for tokens.
    grantor: Mutex<Option<Grantor>>,
    /// Whether the store does not hold what is sent.
    is_unsaved: AtomicBool,
    at_work: AtomicUsize,
    rested: Notify,
}

/// What is sent along.
#[derive(Clone)]
enum Current {
    /// The store has not been asked yet.
    Unread,
    Nothing,
    Credential(Arc<Credential>),
}

/// Tokens, ready to be sent.
pub(super) struct Credential {
    pub(super) tokens: Tokens,
    pub(super) header: HeaderValue,
}

/// Who grants access to the resource.
#[derive(Clone)]
struct Grantor {
    server: AuthorizationServer,
    /// The resource's name for itself.
    resource: String,
    scopes: Option<Scopes>,
    wants_bound_tokens: bool,
}

/// How new tokens are come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Those that another client has got meanwhile, or else by a refresh token, or else anew.
    AsCheapAsPossible,
    /// By asking for a grant.
    Anew,
    /// By asking for a grant of more than before.
    ForMore,
}

/// How they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewed {
    Adopted,
    Refreshed,
    Granted,
}

impl Authorizer {
    /// Keeps a client of the endpoint at `url` authorized.
    pub(crate) fn new(plan: Authorization, url: &str) -> Result<Self> {
        let plan = plan.checked()?;
        let resource = Resource::at(url)?;
        let issuers = plan.grant.issuers().filter_map(|issuer| Url::parse(issuer).ok());
        let named = plan.named.iter().cloned().chain(issuers).chain([resource.url().clone()]);
        let fetch = Fetch::new(Reach::new(named));
        let inner = Inner {
            plan,
            resource,
            fetch,
            current: RwLock::new(Current::Unread),
            grantor: Mutex::default(),
            is_unsaved: AtomicBool::new(false),
            at_work: AtomicUsize::new(0),
            rested: Notify::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A request that is to be authorized.
    pub(crate) fn attempt(&self) -> Attempt<'_> {
        Attempt::new(self)
    }

    /// Whether somebody is being authorized.
    pub(crate) fn is_at_work(&self) -> bool {
        self.inner.at_work.load(Ordering::Acquire) > 0
    }

    /// Waits until nobody is being authorized, which may take a user's time. Whether there was something to wait for.
    pub(crate) async fn rested(&self) -> bool {
        let mut waited = false;
        loop {
            let rested = self.inner.rested.notified();
            if !self.is_at_work() {
                return waited;
            }
            waited = true;
            rested.await;
        }
    }

    /// What a server says without the token that it was sent, should it repeat it.
    pub(crate) fn conceal(&self, words: String) -> String {
        match self.inner.current() {
            Current::Credential(credential) => {
                words.replace(credential.tokens.access.expose(), "(concealed)")
            }
            Current::Unread | Current::Nothing => words,
        }
    }

    /// What to send along, refreshed if it is about to expire.
    pub(super) async fn credential(&self) -> Result<Option<Arc<Credential>>> {
        let used = match self.inner.current() {
            Current::Nothing => return Ok(None),
            Current::Credential(credential) if !credential.tokens.is_expiring() => {
                return Ok(Some(credential));
            }
            Current::Credential(credential) => credential,
            Current::Unread => match self.inner.read().await? {
                None => {
                    self.inner.set_unless_known(Current::Nothing);
                    return Ok(None);
                }
                Some(tokens) => {
                    self.inner.set_unless_known(Current::Credential(Arc::new(Credential::new(tokens)?)));
                    return Box::pin(self.credential()).await;
                }
            },
        };
        if used.tokens.refresh.is_some()
            && let Err(error) = self.refresh_early(&used).await
        {
            // The server has the last word on whether the token is still good.
            tracing::debug!(%error, "tokens that are about to expire could not be refreshed");
        }
        match self.inner.current() {
            Current::Credential(credential) => Ok(Some(credential)),
            Current::Unread | Current::Nothing => Ok(None),
        }
    }

    async fn refresh_early(&self, used: &Arc<Credential>) -> Result<()> {
        let _work = self.inner.work();
        let mut grantor = self.inner.grantor.lock().await;
        if self.inner.has_other_than(Some(used)) {
            return Ok(());
        }
        let server = match &*grantor {
            Some(known) if known.server.issuer == used.tokens.issuer => known.server.clone(),
            _ => AuthorizationServer::discover(&self.inner.fetch, &used.tokens.issuer).await?,
        };
        let known = grantor.get_or_insert_with(|| Grantor {
            server: server.clone(),
            resource: used.tokens.resource.clone(),
            scopes: None,
            wants_bound_tokens: used.tokens.key.is_some(),
        });
        let known = Grantor { server, ..known.clone() };
        self.inner.clone().adopt_or_refresh(known, Some(used.clone())).await.map(|_| ())
    }

    /// Gets other tokens than those that were `used` and refused with a `challenge`. One at a time does so; for whoever had to wait for that,
    /// it is done already.
    pub(super) async fn renew(
        &self,
        used: Option<&Arc<Credential>>,
        challenge: Option<&Challenge>,
        how: How,
    ) -> Result<Renewed> {
        let inner = &self.inner;
        let _work = inner.work();
        let mut grantor = inner.grantor.lock().await;
        if inner.has_other_than(used) {
            return Ok(Renewed::Adopted);
        }
        // Always anew: the resource may have gone over to another server (2026-07-28, client registration, "Authorization Server Binding").
        let found = inner.discover(challenge).await?;
        *grantor = Some(found.clone());
        if how == How::AsCheapAsPossible {
            let cheap = inner.clone().adopt_or_refresh(found.clone(), used.cloned()).await?;
            if let Some(renewed) = cheap {
                return Ok(renewed);
            }
        }
        let _lock = inner.lock().await?;
        // Another process may have been faster, with a user who authorizes only once.
        if let Some(tokens) = inner.read().await?
            && used.is_none_or(|used| !tokens.is(&used.tokens))
            && inner.is_fit(&tokens, &found, challenge)
        {
            inner.take(tokens)?;
            return Ok(Renewed::Adopted);
        }
        let tokens = inner.obtain(&found, used.map(|used| &used.tokens), challenge).await?;
        inner.keep(tokens).await?;
        Ok(Renewed::Granted)
    }
}

impl Inner {
    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_unless_known(&self, current: Current) {
        let mut known = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*known, Current::Unread) {
            *known = current;
        }
    }

    /// Whether there is something else to send than what was used.
    fn has_other_than(&self, used: Option<&Arc<Credential>>) -> bool {
        match (self.current(), used) {
            (Current::Credential(current), Some(used)) => !current.tokens.is(&used.tokens),
            (Current::Credential(_), None) => true,
            (Current::Unread | Current::Nothing, _) => false,
        }
    }

    fn work(self: &Arc<Self>) -> Work {
        self.at_work.fetch_add(1, Ordering::AcqRel);
        Work(self.clone())
    }

    /// Finds out who grants access (2026-07-28, authorization server discovery; 2025-03-26, authorization).
    async fn discover(&self, challenge: Option<&Challenge>) -> Result<Grantor> {
        let asks_for_proof = challenge.is_some_and(|challenge| challenge.scheme.eq_ignore_ascii_case("DPoP"));
        let Some(found) = ProtectedResource::discover(&self.fetch, &self.resource, challenge).await? else {
            let server = AuthorizationServer::of_origin(&self.fetch, self.resource.url()).await?;
            let resource = self.resource.canonical();
            return Ok(Grantor { server, resource, scopes: None, wants_bound_tokens: asks_for_proof });
        };
        let server = match self.choose(&found.authorization_servers) {
            Some(issuer) => AuthorizationServer::discover(&self.fetch, issuer).await?,
            // The resource does not say, so it can only be itself.
            None => AuthorizationServer::of_origin(&self.fetch, self.resource.url()).await?,
        };
        Ok(Grantor {
            server,
            scopes: found.scopes(),
            wants_bound_tokens: asks_for_proof || found.dpop_bound_access_tokens_required,
            resource: found.resource,
        })
    }

    /// One that knows this client already, or else the first.
    fn choose<'a>(&self, servers: &'a [String]) -> Option<&'a str> {
        let known =
            servers.iter().find(|server| self.plan.grant.issuers().any(|issuer| issuer == server.as_str()));
        known.or(servers.first()).map(String::as_str)
    }

    /// The cheap ways to other tokens: what another client has got meanwhile, or a refresh. It ends what it has begun even if nobody waits for
    /// it any more: a refresh token is good once, and what comes of it has to be kept.
    async fn adopt_or_refresh(
        self: Arc<Self>,
        found: Grantor,
        used: Option<Arc<Credential>>,
    ) -> Result<Option<Renewed>> {
        let work = tokio::spawn(async move {
            let _lock = self.lock().await?;
            self.catch_up().await?;
            let kept = self.read().await?;
            if let Some(kept) = &kept
                && used.as_ref().is_none_or(|used| !kept.is(&used.tokens))
                && !kept.is_expiring()
                && self.is_fit(kept, &found, None)
            {
                self.take(kept.clone())?;
                return Ok(Some(Renewed::Adopted));
            }
            // What is kept is the newest: somebody else may have refreshed what was used.
            let newest = kept.or_else(|| used.map(|used| used.tokens.clone()));
            match newest {
                Some(newest) => self.refresh(newest, &found).await,
                None => Ok(None),
            }
        });
        work.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "refreshing tokens was ended")))
    }

    /// Refreshes tokens, if they can be.
    async fn refresh(&self, old: Tokens, found: &Grantor) -> Result<Option<Renewed>> {
        let Some(token) = old.refresh.clone().filter(|_| self.is_of(&old, found)) else { return Ok(None) };
        let Some(client) = self.client_of(&old).await? else { return Ok(None) };
        let endpoint = TokenEndpoint { fetch: &self.fetch, server: &found.server, client: Some(&client) };
        let wanted = Wanted {
            issuer: &found.server.issuer,
            client: client.id(),
            resource: &old.resource,
            scopes: &old.requested,
            key: old.key.as_ref(),
        };
        let grant =
            vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", token.expose().to_owned())];
        match endpoint.ask(&wanted, false, grant).await {
            Ok(mut new) => {
                // A server that rotates nothing goes on with the token that it gave (RFC 6749, section 6).
                new.refresh = new.refresh.or(Some(token));
                new.requested = old.requested.clone();
                new.key = new.key.or(old.key);
                self.keep(new).await?;
                Ok(Some(Renewed::Refreshed))
            }
            Err(NoToken::Refused { code, words }) => {
                tracing::debug!(code, words, "the authorization server refused a refresh token");
                if code == INVALID_CLIENT {
                    self.forget_registration(&old.issuer).await?;
                }
                // It is no good any more, to nobody.
                let rest = Tokens { refresh: None, ..old };
                self.plan.store.write(&self.key(), Some(rest.to_secret())).await?;
                Ok(None)
            }
            Err(NoToken::Failed(error)) => Err(error),
        }
    }

    /// Asks for a grant.
    async fn obtain(
        &self,
        found: &Grantor,
        old: Option<&Tokens>,
        challenge: Option<&Challenge>,
    ) -> Result<Tokens> {
        let old = old.filter(|old| self.is_of(old, found));
        let scopes = self.scopes(found, old, challenge);
        let key = self.key_for(found, old)?;
        let server = &found.server;
        let wanted = |client| Wanted {
            issuer: &server.issuer,
            client,
            resource: &found.resource,
            scopes: &scopes,
            key: key.as_ref(),
        };
        match &self.plan.grant {
            Grant::Code(code) => self.ask_user(code, found, &scopes, key.as_ref()).await,
            Grant::ClientCredentials(client) => {
                self.check_issuer(client, server).await?;
                let endpoint = TokenEndpoint { fetch: &self.fetch, server, client: Some(client) };
                let grant = vec![("grant_type", "client_credentials".to_owned())];
                Ok(endpoint.ask(&wanted(client.id()), true, grant).await?)
            }
            Grant::Enterprise(enterprise) => {
                self.check_issuer(enterprise.client(), server).await?;
                enterprise.run(&self.fetch, server, &wanted(enterprise.client().id())).await
            }
            Grant::Workload(workload) => {
                self.check_issuer(workload.client(), server).await?;
                workload.run(&self.fetch, server, &wanted(workload.client().id())).await
            }
        }
    }

    async fn ask_user(
        &self,
        code: &Code,
        found: &Grantor,
        scopes: &Scopes,
        key: Option<&DpopKey>,
    ) -> Result<Tokens> {
        let server = &found.server;
        let (client, visit) = self.introduce(code, server, scopes).await?;
        let wanted =
            Wanted { issuer: &server.issuer, client: client.id(), resource: &found.resource, scopes, key };
        let request = CodeRequest::new(&self.fetch, server, visit.redirect_uri(), &wanted)?;
        let endpoint = TokenEndpoint { fetch: &self.fetch, server, client: Some(&client) };
        let patience = self.plan.patience;
        let answer = tokio::time::timeout(patience, request.ask(visit)).await.map_err(|_| {
            Error::new(
                ErrorKind::Timeout,
                format!("the user did not authorize this client within {patience:?}"),
            )
        })??;
        match answer.redeem(&endpoint, &wanted).await {
            Err(NoToken::Refused { code, words }) if code == INVALID_CLIENT => {
                self.forget_registration(&server.issuer).await?;
                Err(NoToken::Refused { code, words }.into())
            }
            tokens => Ok(tokens?),
        }
    }

    /// How the client is known to a server, and the visit of a user who comes back to where it is known to be (2026-07-28, client registration).
    async fn introduce(
        &self,
        code: &Code,
        server: &AuthorizationServer,
        scopes: &Scopes,
    ) -> Result<(ClientCredentials, Box<dyn Visit>)> {
        if let Some(client) = self.registered(code, server).await? {
            return Ok((client, code.user_agent.prepare(&[]).await?));
        }
        if let Some(url) = code.metadata_url.as_ref().filter(|_| server.client_id_metadata_document_supported)
        {
            return Ok((ClientCredentials::public(url), code.user_agent.prepare(&[]).await?));
        }
        let kept = self.kept_registration(&server.issuer).await?;
        let known = kept.as_ref().map_or(&[][..], Registration::redirect_uris);
        let visit = code.user_agent.prepare(known).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if let Some(kept) = kept.filter(|kept| kept.serves(visit.redirect_uri(), scopes, now)) {
            return Ok((kept.client, visit));
        }
        let made = Registration::make(&self.fetch, server, &code.name, visit.redirect_uri(), scopes).await?;
        self.plan.store.write(&client_key(&server.issuer), Some(made.to_secret())).await?;
        Ok((made.client, visit))
    }

    /// The client that was registered by hand with a server.
    async fn registered(
        &self,
        code: &Code,
        server: &AuthorizationServer,
    ) -> Result<Option<ClientCredentials>> {
        let at_server = |client: &&ClientCredentials| client.issued_by() == Some(server.issuer.as_str());
        if let Some(client) = code.registered.iter().find(at_server) {
            return Ok(Some(client.clone()));
        }
        let Some(client) = code.registered.iter().find(|client| client.issued_by().is_none()) else {
            return Ok(None);
        };
        self.check_issuer(client, server).await?;
        Ok(Some(client.clone()))
    }

    /// Checks that credentials are shown to nobody but the server that issued them; the first that they were shown to, if the user did not say
    /// (2026-07-28, client registration, "Authorization Server Binding").
    async fn check_issuer(&self, client: &ClientCredentials, server: &AuthorizationServer) -> Result<()> {
        let key = format!("issuer of {}", client.id());
        let first = match client.issued_by() {
            Some(issuer) => Some(issuer.to_owned()),
            None => self.plan.store.read(&key).await?.map(|issuer| issuer.expose().to_owned()),
        };
        match first {
            Some(issuer) if issuer == server.issuer => Ok(()),
            Some(issuer) => Err(Error::new(
                ErrorKind::Unauthorized,
                format!(
                    "access is granted by {} now, but the client {:?} is known to {issuer} alone; its credentials are not shown to another server",
                    server.issuer,
                    client.id()
                ),
            )),
            None => self.plan.store.write(&key, Some(server.issuer.as_str().into())).await,
        }
    }

    /// The client to which tokens were issued.
    async fn client_of(&self, tokens: &Tokens) -> Result<Option<ClientCredentials>> {
        let Grant::Code(code) = &self.plan.grant else { return Ok(self.plan.grant.client().cloned()) };
        let is_it = |client: &ClientCredentials| client.id() == tokens.client;
        if let Some(client) = code.registered.iter().find(|client| is_it(client)) {
            return Ok(Some(client.clone()));
        }
        if code.metadata_url.as_deref() == Some(tokens.client.as_str()) {
            return Ok(Some(ClientCredentials::public(&tokens.client)));
        }
        let kept = self.kept_registration(&tokens.issuer).await?;
        Ok(kept.map(|kept| kept.client).filter(is_it))
    }

    async fn kept_registration(&self, issuer: &str) -> Result<Option<Registration>> {
        let kept = self.plan.store.read(&client_key(issuer)).await?;
        Ok(kept.and_then(|kept| Registration::from_secret(&kept, issuer)))
    }

    /// The server has forgotten a client that it had registered: the next time, it is asked to register it anew.
    async fn forget_registration(&self, issuer: &str) -> Result<()> {
        self.plan.store.write(&client_key(issuer), None).await
    }

    /// The scopes to ask for (2026-07-28, authorization, "Scope Selection Strategy").
    fn scopes(&self, found: &Grantor, old: Option<&Tokens>, challenge: Option<&Challenge>) -> Scopes {
        let plan = &self.plan;
        let challenged = challenge.and_then(|challenge| challenge.scope.clone());
        let base = challenged.or_else(|| found.scopes.clone().filter(|_| plan.scopes.is_empty()));
        let mut scopes = old.map(|old| old.requested.clone()).unwrap_or_default();
        scopes = scopes.union(&base.unwrap_or_default()).union(&plan.scopes);
        let is_for_a_user = matches!(plan.grant, Grant::Code(_));
        if is_for_a_user && found.server.refreshes() && found.server.has_scope("offline_access") {
            scopes.insert("offline_access");
        }
        scopes
    }

    /// The key to which tokens are to be bound, if they are.
    fn key_for(&self, found: &Grantor, old: Option<&Tokens>) -> Result<Option<DpopKey>> {
        if !self.plan.dpop.unwrap_or(found.wants_bound_tokens) {
            return Ok(None);
        }
        let algorithms = found.server.dpop_signing_alg_values_supported.as_deref();
        if algorithms.is_some_and(|algorithms| !algorithms.iter().any(|algorithm| algorithm == "ES256")) {
            return Err(found.server.lacks("ES256 among the algorithms for proofs of possession (DPoP)"));
        }
        match old.and_then(|old| old.key.clone()) {
            Some(key) => Ok(Some(key)),
            None => DpopKey::generate().map(Some),
        }
    }

    /// Whether tokens were issued by who grants access now, for this resource.
    fn is_of(&self, tokens: &Tokens, found: &Grantor) -> bool {
        tokens.issuer == found.server.issuer && self.resource.is_covered_by(&tokens.resource)
    }

    /// Whether tokens of somebody else may do.
    fn is_fit(&self, tokens: &Tokens, found: &Grantor, challenge: Option<&Challenge>) -> bool {
        let wanted = challenge.and_then(|challenge| challenge.scope.as_ref());
        self.is_of(tokens, found) && wanted.is_none_or(|wanted| tokens.scopes.contains_all(wanted))
    }

    fn key(&self) -> String {
        format!("tokens for {}", self.resource.url())
    }

    async fn lock(&self) -> Result<TokenLock> {
        let patience = self.plan.patience + LOCK_PATIENCE;
        let lock = tokio::time::timeout(patience, async { self.plan.store.lock(&self.key()).await });
        lock.await.unwrap_or_else(|_| {
            let message =
                format!("another client has held the tokens for more than {patience:?}; is it hanging?");
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }

    async fn read(&self) -> Result<Option<Tokens>> {
        let kept = self.plan.store.read(&self.key()).await?;
        Ok(kept
            .as_ref()
            .and_then(Tokens::from_secret)
            .filter(|tokens| self.resource.is_covered_by(&tokens.resource)))
    }

    /// Keeps tokens, and sends them from now on. What they came of is used up, so this client goes on with them even if they cannot be kept.
    async fn keep(&self, tokens: Tokens) -> Result<()> {
        self.take(tokens.clone())?;
        self.is_unsaved.store(true, Ordering::Release);
        self.save(&tokens).await
    }

    async fn save(&self, tokens: &Tokens) -> Result<()> {
        self.plan.store.write(&self.key(), Some(tokens.to_secret())).await?;
        self.is_unsaved.store(false, Ordering::Release);
        Ok(())
    }

    /// Keeps what could not be kept before.
    async fn catch_up(&self) -> Result<()> {
        match self.current() {
            Current::Credential(current) if self.is_unsaved.load(Ordering::Acquire) => {
                self.save(&current.tokens).await
            }
            _ => Ok(()),
        }
    }

    fn take(&self, tokens: Tokens) -> Result<()> {
        let credential = Arc::new(Credential::new(tokens)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current::Credential(credential);
        Ok(())
    }
}

impl Credential {
    fn new(tokens: Tokens) -> Result<Self> {
        let scheme = if tokens.key.is_some() { "DPoP" } else { "Bearer" };
        let header = HeaderValue::try_from(format!("{scheme} {}", tokens.access.expose()));
        let mut header = header
            .map_err(|_| Error::protocol("the authorization server issued a token that cannot be sent"))?;
        header.set_sensitive(true);
        Ok(Self { tokens, header })
    }
}

impl Grant {
    /// The client, where there is one alone.
    fn client(&self) -> Option<&ClientCredentials> {
        match self {
            Self::Code(_) => None,
            Self::ClientCredentials(client) => Some(client),
            Self::Enterprise(enterprise) => Some(enterprise.client()),
            Self::Workload(workload) => Some(workload.client()),
        }
    }

    /// The authorization servers that the user has named.
    fn issuers(&self) -> impl Iterator<Item = &str> {
        let registered = match self {
            Self::Code(code) => code.registered.as_slice(),
            _ => &[],
        };
        registered.iter().chain(self.client()).filter_map(ClientCredentials::issued_by)
    }
}

/// Waits for `work` as long as `time`, which begins anew when somebody has been authorized meanwhile: what a user takes for that is not the
/// server's time.
///
/// # Errors
///
/// The time is over.
pub(crate) async fn within_rest<T>(
    authorizer: Option<&Authorizer>,
    time: Duration,
    work: impl Future<Output = T>,
) -> Result<T, Elapsed> {
    let mut work = pin!(work);
    loop {
        let elapsed = match tokio::time::timeout(time, work.as_mut()).await {
            Ok(done) => return Ok(done),
            Err(elapsed) => elapsed,
        };
        let Some(authorizer) = authorizer else { return Err(elapsed) };
        tokio::select! {
            done = work.as_mut() => return Ok(done),
            waited = authorizer.rested() => if !waited { return Err(elapsed) },
        }
    }
}

fn client_key(issuer: &str) -> String {
    format!("client of {issuer}")
}

/// Says when it is over that somebody is being authorized.
struct Work(Arc<Inner>);

impl Drop for Work {
    fn drop(&mut self) {
        if self.0.at_work.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.rested.notify_waiters();
        }
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("plan", &self.inner.plan).finish_non_exhaustive()
    }
}
