use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Mutex;
use url::Url;

use super::at_work::AtWork;
use super::attempt::Attempt;
use super::authorization::Authorization;
use super::credential::Credential;
use super::effort::Effort;
use super::errand::{Errand, How};
use super::flights::Flights;
use super::grantor::Grantor;
use super::keeper::Keeper;
use super::renewal::{Renewal, Renewed};
use super::wallet::{Current, Wallet};
use crate::auth::Resource;
use crate::auth::confidential::check_confidential;
use crate::auth::fetch::Fetch;
use crate::auth::reach::Reach;
use crate::{Error, ErrorKind, Result};

/// How long a store, and another process that holds the tokens, may take beyond the time that a user has.
const STORE_PATIENCE: Duration = Duration::from_secs(60);

/// How long a client that is closed waits for what must not be cut off: two exchanges with the authorization server, and a moment to keep what
/// came of them.
const LAST_PATIENCE: Duration = Duration::from_secs(30);

/// What keeps one client authorized with one server. Its clones are the same.
#[derive(Clone)]
pub(crate) struct Authorizer {
    inner: Arc<Inner>,
}

struct Inner {
    renewal: Arc<Renewal>,
    /// Who grants access, as far as is known. Whoever holds it is the only one in this process who refreshes tokens.
    grantor: Mutex<Option<Grantor>>,
    /// Whose turn it is to ask for a grant, for which a user may take their time. It is taken before `grantor`.
    turn: Mutex<()>,
    flights: Flights<Errand, Result<Renewed>>,
    work: Arc<AtWork>,
    /// What was refused last where the user must not be asked for something better.
    refused: Lock<Option<Arc<Credential>>>,
}

impl Authorizer {
    /// Keeps a client of the endpoint at `url` authorized.
    pub(crate) fn new(plan: Authorization, url: &str) -> Result<Self> {
        let plan = plan.checked()?;
        let resource = Resource::at(url)?;
        check_confidential(resource.url(), &plan.named)?;
        let issuers = plan.grant.issuers().filter_map(|issuer| Url::parse(issuer).ok());
        let named = plan.named.iter().cloned().chain(issuers).chain([resource.url().clone()]);
        let fetch = Fetch::by(Reach::new(named), plan.names.clone());
        let keeper = Keeper::new(plan.store.clone(), plan.patience.saturating_add(STORE_PATIENCE));
        let wallet = Wallet::new(keeper.clone(), &plan, resource.clone());
        let renewal = Arc::new(Renewal { plan, resource, fetch, keeper, wallet, under_way: Arc::default() });
        let (grantor, turn) = (Mutex::default(), Mutex::default());
        let (flights, work, refused) = (Flights::default(), Arc::default(), Lock::default());
        Ok(Self { inner: Arc::new(Inner { renewal, grantor, turn, flights, work, refused }) })
    }

    /// A request that is to be authorized with so much effort.
    pub(crate) fn attempt(&self, effort: Effort) -> Attempt<'_> {
        Attempt::new(self, effort)
    }

    /// Whether somebody is being authorized.
    pub(crate) fn is_at_work(&self) -> bool {
        self.inner.work.is_busy()
    }

    /// Waits until nobody is being authorized, which may take a user's time. Whether there was something to wait for.
    pub(crate) async fn rested(&self) -> bool {
        self.inner.work.rested().await
    }

    /// Waits until the client has other tokens than those that were refused last where its user must not be asked for others.
    pub(crate) async fn renewed(&self) {
        let refused = self.inner.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.wallet().until_other_than(refused.as_ref()).await;
    }

    /// Waits until nothing is under way that would be lost if it were cut off, such as a refresh: its token is good once.
    pub(crate) async fn kept(&self) {
        if tokio::time::timeout(LAST_PATIENCE, self.inner.renewal.under_way.rested()).await.is_err() {
            tracing::warn!("tokens were still being asked for when the client was closed; they may be lost");
        }
    }

    /// Notes what was refused where the user must not be asked for something better.
    pub(super) fn note_refused(&self, used: Option<Arc<Credential>>) {
        *self.inner.refused.lock().unwrap_or_else(PoisonError::into_inner) = used;
    }

    /// What to send along, as it is.
    pub(super) fn at_hand(&self) -> Option<Arc<Credential>> {
        match self.wallet().current() {
            Current::Credential(credential) => Some(credential),
            Current::Unread | Current::Nothing => None,
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
        if let Err(error) = self.run(Errand::new(How::BeforeExpiry, Effort::Quiet, Some(&used), None)).await {
            // The server has the last word on whether the token is still good.
            tracing::debug!(%error, "tokens that are about to expire could not be refreshed");
        }
        Ok(self.at_hand())
    }

    /// Gets other tokens. One at a time does so, and those who want the same do it together: a server that is in trouble, and a user who says
    /// no, are not asked once for each; and who goes away takes nothing from the others.
    pub(super) async fn run(&self, errand: Errand) -> Result<Renewed> {
        let _work = self.inner.work.begin();
        let (flight, is_own) = self.inner.flights.join(errand, |errand| {
            let (inner, errand) = (self.inner.clone(), errand.clone());
            let run = AssertUnwindSafe(async move { inner.run(errand).await }).catch_unwind();
            let ended =
                || Error::new(ErrorKind::Internal, "what was to come by tokens panicked; see the log");
            run.map(move |ran| ran.unwrap_or_else(|_| Err(ended()))).boxed()
        });
        let renewed = flight.await?;
        Ok(if is_own { renewed } else { Renewed::Adopted })
    }

    fn wallet(&self) -> &Wallet {
        &self.inner.renewal.wallet
    }
}

impl Inner {
    async fn run(&self, errand: Errand) -> Result<Renewed> {
        if errand.how == How::BeforeExpiry {
            return self.refresh_early(&errand).await;
        }
        let Self { renewal, grantor, turn, .. } = self;
        let challenge = errand.challenge.as_ref();
        // Who has to wait for their turn goes as far meanwhile as one goes without a grant.
        let mut own_turn = turn.try_lock().ok();
        loop {
            let mut known = grantor.lock().await;
            let current = match renewal.wallet.current() {
                Current::Credential(current) if errand.is_done_with(&current.tokens) => {
                    return Ok(Renewed::Adopted);
                }
                Current::Credential(current) => Some(current),
                Current::Unread | Current::Nothing => None,
            };
            let mut found = None;
            if own_turn.is_some() || errand.how == How::AsCheapAsPossible {
                // Always anew: the resource may have gone over to another server (2026-07-28, client registration, "Authorization Server Binding").
                let granting = renewal.discover(challenge).await?;
                *known = Some(granting.clone());
                if errand.how == How::AsCheapAsPossible
                    && let Some(renewed) = renewal.adopt_or_refresh(granting.clone(), current.clone()).await?
                {
                    return Ok(renewed);
                }
                found = Some(granting);
            }
            // While a user looks at a page, others refresh.
            drop(known);
            if let (Some(_), Some(found)) = (&own_turn, found) {
                let used = current.as_ref().map(|current| &current.tokens);
                return renewal.obtain(&found, used, challenge, errand.effort).await;
            }
            own_turn = Some(turn.lock().await);
        }
    }

    /// Refreshes the tokens that are used, if somebody else has not.
    async fn refresh_early(&self, errand: &Errand) -> Result<Renewed> {
        let Self { renewal, grantor, .. } = self;
        let mut grantor = grantor.lock().await;
        let Current::Credential(current) = renewal.wallet.current() else { return Ok(Renewed::Adopted) };
        if errand.is_done_with(&current.tokens) {
            return Ok(Renewed::Adopted);
        }
        let known = match &*grantor {
            Some(known) if known.has_issued(&current.tokens) => known.clone(),
            _ => renewal.find_again(&current.tokens).await?,
        };
        grantor.get_or_insert_with(|| known.clone());
        let renewed = renewal.adopt_or_refresh(known, Some(current)).await?;
        Ok(renewed.unwrap_or(Renewed::Adopted))
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("plan", &self.inner.renewal.plan).finish_non_exhaustive()
    }
}
