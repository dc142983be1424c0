use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::at_work::AtWork;
use super::attempt::Attempt;
use super::authorization::Authorization;
use super::credential::Credential;
use super::grantor::Grantor;
use super::renewal::{Renewal, Renewed};
use super::tokens::Tokens;
use super::turns::Turns;
use super::wallet::{Current, Wallet};
use crate::Result;
use crate::auth::Resource;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::challenge::Challenge;
use crate::auth::fetch::Fetch;
use crate::auth::reach::Reach;

/// How long another process may hold the tokens beyond the time that its user has.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// What keeps one client authorized with one server. Its clones are the same.
#[derive(Clone)]
pub(crate) struct Authorizer {
    inner: Arc<Inner>,
}

struct Inner {
    renewal: Arc<Renewal>,
    /// One at a time asks for tokens, with who grants access, as far as is known.
    turns: Turns<Option<Grantor>, Errand>,
    work: Arc<AtWork>,
}

/// How new tokens are to be come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Those that another client has got meanwhile, or else by a refresh token, or else anew.
    AsCheapAsPossible,
    /// By asking for a grant.
    Anew,
    /// By asking for a grant of more than before.
    ForMore,
}

/// What is to be done, for which of two it is the same.
struct Errand {
    how: Option<How>,
    used: Option<Arc<Credential>>,
    challenge: Option<Challenge>,
}

impl Authorizer {
    /// Keeps a client of the endpoint at `url` authorized.
    pub(crate) fn new(plan: Authorization, url: &str) -> Result<Self> {
        let plan = plan.checked()?;
        let resource = Resource::at(url)?;
        let issuers = plan.grant.issuers().filter_map(|issuer| Url::parse(issuer).ok());
        let named = plan.named.iter().cloned().chain(issuers).chain([resource.url().clone()]);
        let fetch = Fetch::by(Reach::new(named), plan.names.clone());
        let wallet = Wallet::new(plan.store.clone(), resource.clone(), plan.patience + LOCK_PATIENCE);
        let renewal = Arc::new(Renewal { plan, resource, fetch, wallet });
        let inner = Inner { renewal, turns: Turns::default(), work: Arc::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A request that is to be authorized.
    pub(crate) fn attempt(&self) -> Attempt<'_> {
        Attempt::new(self)
    }

    /// Whether somebody is being authorized.
    pub(crate) fn is_at_work(&self) -> bool {
        self.inner.work.is_busy()
    }

    /// Waits until nobody is being authorized, which may take a user's time. Whether there was something to wait for.
    pub(crate) async fn rested(&self) -> bool {
        self.inner.work.rested().await
    }

    /// What a server says without the token that it was sent, should it repeat it.
    pub(crate) fn conceal(&self, words: String) -> String {
        match self.wallet().current() {
            Current::Credential(credential) => {
                words.replace(credential.tokens.access.expose(), "(concealed)")
            }
            Current::Unread | Current::Nothing => words,
        }
    }

    /// What to send along, refreshed if it is about to expire.
    pub(super) async fn credential(&self) -> Result<Option<Arc<Credential>>> {
        if let Current::Unread = self.wallet().current() {
            self.wallet().open().await?;
        }
        let Current::Credential(used) = self.wallet().current() else { return Ok(None) };
        if !used.tokens.is_expiring() || used.tokens.refresh.is_none() {
            return Ok(Some(used));
        }
        if let Err(error) = self.refresh_early(&used).await {
            // The server has the last word on whether the token is still good.
            tracing::debug!(%error, "tokens that are about to expire could not be refreshed");
        }
        match self.wallet().current() {
            Current::Credential(credential) => Ok(Some(credential)),
            Current::Unread | Current::Nothing => Ok(None),
        }
    }

    async fn refresh_early(&self, used: &Arc<Credential>) -> Result<()> {
        let Inner { renewal, turns, work } = &*self.inner;
        let _work = work.begin();
        let mut turn = turns.wait(Errand::early(used)).await;
        if renewal.wallet.has_other_than(Some(used)) {
            return Ok(());
        }
        turn.check()?;
        let refreshed = async {
            let known = match &*turn.held {
                Some(known) if known.has_issued(&used.tokens) => known.clone(),
                _ => {
                    let server = AuthorizationServer::discover(&renewal.fetch, &used.tokens.issuer).await?;
                    Grantor::of(&used.tokens, server)
                }
            };
            turn.held.get_or_insert_with(|| known.clone());
            renewal.clone().adopt_or_refresh(known, Some(used.clone())).await
        };
        let refreshed = refreshed.await;
        turn.end(refreshed).map(|_| ())
    }

    /// Gets other tokens than those that were `used` and refused with a `challenge`. One at a time does so. For whoever had to wait for that,
    /// it is done already, or has failed: a server that is in trouble, and a user who has said no, are not asked once for each.
    pub(super) async fn renew(
        &self,
        used: Option<&Arc<Credential>>,
        challenge: Option<&Challenge>,
        how: How,
    ) -> Result<Renewed> {
        let Inner { renewal, turns, work } = &*self.inner;
        let _work = work.begin();
        let mut turn = turns.wait(Errand::new(how, used, challenge)).await;
        if renewal.wallet.has_other_than(used) {
            return Ok(Renewed::Adopted);
        }
        turn.check()?;
        let renewed = async {
            // Always anew: the resource may have gone over to another server (2026-07-28, client registration, "Authorization Server
            // Binding").
            let found = renewal.discover(challenge).await?;
            *turn.held = Some(found.clone());
            if how == How::AsCheapAsPossible
                && let Some(renewed) = renewal.clone().adopt_or_refresh(found.clone(), used.cloned()).await?
            {
                return Ok(renewed);
            }
            renewal.obtain(&found, used.map(|used| &used.tokens), challenge).await
        };
        let renewed = renewed.await;
        turn.end(renewed)
    }

    fn wallet(&self) -> &Wallet {
        &self.inner.renewal.wallet
    }
}

impl Errand {
    /// A refresh of tokens that are still good.
    fn early(used: &Arc<Credential>) -> Self {
        Self { how: None, used: Some(used.clone()), challenge: None }
    }

    fn new(how: How, used: Option<&Arc<Credential>>, challenge: Option<&Challenge>) -> Self {
        // What is said for people differs from one answer to the next.
        let said = |challenge: &Challenge| Challenge { error_description: None, ..challenge.clone() };
        Self { how: Some(how), used: used.cloned(), challenge: challenge.map(said) }
    }

    fn tokens(&self) -> Option<&Tokens> {
        self.used.as_ref().map(|used| &used.tokens)
    }
}

impl PartialEq for Errand {
    fn eq(&self, other: &Self) -> bool {
        let is_same_token = match (self.tokens(), other.tokens()) {
            (Some(one), Some(other)) => one.is(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.how == other.how && is_same_token && self.challenge == other.challenge
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("plan", &self.inner.renewal.plan).finish_non_exhaustive()
    }
}
