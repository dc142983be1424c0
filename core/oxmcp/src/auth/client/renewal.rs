use std::sync::Arc;

use super::at_work::AtWork;
use super::authorization::Authorization;
use super::binding::{Binding, check_named};
use super::credential::Credential;
use super::credentials::ClientCredentials;
use super::effort::Effort;
use super::grant::{Code, Grant};
use super::grantor::Grantor;
use super::keeper::Keeper;
use super::registrations::Registrations;
use super::token_endpoint::{INVALID_CLIENT, INVALID_GRANT};
use super::tokens::{Tokens, Wanted};
use super::wallet::Wallet;
use super::{client_credentials, refresh};
use crate::auth::Resource;
use crate::auth::challenge::Challenge;
use crate::auth::fetch::Fetch;
use crate::store::TokenLock;
use crate::{Error, ErrorKind, Result};

/// Comes by new tokens for one client and one resource.
pub(super) struct Renewal {
    pub(super) plan: Authorization,
    pub(super) resource: Resource,
    pub(super) fetch: Fetch,
    pub(super) keeper: Keeper,
    pub(super) wallet: Wallet,
    /// What goes on when nobody waits for it any more.
    pub(super) under_way: Arc<AtWork>,
}

/// How new tokens were come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewed {
    /// Somebody else has got them.
    Adopted,
    Refreshed,
    Granted,
}

impl Renewal {
    /// Finds out who grants access to the resource.
    pub(super) async fn discover(&self, challenge: Option<&Challenge>) -> Result<Grantor> {
        Grantor::discover(&self.fetch, &self.resource, &self.plan.grant, challenge).await
    }

    /// Finds who has issued tokens.
    pub(super) async fn find_again(&self, tokens: &Tokens) -> Result<Grantor> {
        Grantor::of(&self.fetch, &self.resource, tokens).await
    }

    /// The cheap ways to other tokens than those that were `used`: what another client has got meanwhile, or a refresh. It ends what it has
    /// begun even if nobody waits for it any more: a refresh token is good once, and what comes of it has to be kept.
    pub(super) async fn adopt_or_refresh(
        self: &Arc<Self>,
        grantor: Grantor,
        used: Option<Arc<Credential>>,
    ) -> Result<Option<Renewed>> {
        // Whoever still waits for it has nothing to lose.
        let lock = self.wallet.lock().await?;
        let this = self.clone();
        self.to_the_end(async move {
            let _lock = lock;
            let kept = this.wallet.catch_up().await?;
            if let Some(kept) = &kept
                && used.as_ref().is_none_or(|used| !kept.is(&used.tokens))
                && !kept.is_expiring()
                && grantor.may_take(kept, None)
            {
                this.wallet.take(kept.clone())?;
                return Ok(Some(Renewed::Adopted));
            }
            // What is kept is the newest: somebody else may have refreshed what was used.
            let newest = kept.or_else(|| used.map(|used| used.tokens.clone()));
            match newest {
                Some(newest) => this.refresh(newest, &grantor).await,
                None => Ok(None),
            }
        })
        .await
    }

    /// Refreshes tokens, if they can be.
    async fn refresh(&self, old: Tokens, grantor: &Grantor) -> Result<Option<Renewed>> {
        if !grantor.has_issued(&old) {
            return Ok(None);
        }
        let Some(client) = self.client_of(&old) else { return Ok(None) };
        if client.is_confidential() {
            check_named(&client, &grantor.server)?;
        }
        let failure = match refresh::run(&client, &self.fetch, &grantor.server, &old).await {
            Ok(None) => return Ok(None),
            Ok(Some(new)) => {
                self.wallet.keep(new, Some(&old)).await?;
                return Ok(Some(Renewed::Refreshed));
            }
            Err(failure) => failure,
        };
        if failure.is(INVALID_GRANT) {
            tracing::debug!(issuer = old.issuer, "the authorization server refused a refresh token");
            // It is no good any more, to nobody.
            self.wallet.put_back(&Tokens { refresh: None, ..old }).await?;
            return Ok(None);
        }
        if old.registration.is_some() && failure.is(INVALID_CLIENT) {
            tracing::debug!(issuer = old.issuer, "the authorization server has forgotten this client");
            Registrations::at(&self.keeper, &old.issuer).forget(&old.client).await?;
            self.wallet.put_back(&Tokens { refresh: None, ..old }).await?;
            return Ok(None);
        }
        // Whatever else is wrong, the token may be good yet.
        if failure.is_of_the_grant() { Ok(None) } else { Err(failure.into()) }
    }

    /// Asks for a grant, unless another client has just got one that will do in place of what was `used`. While a user looks at a page, the
    /// tokens are not locked: those that are kept are good for what they were good for, and others may have to refresh them.
    pub(super) async fn obtain(
        self: &Arc<Self>,
        grantor: &Grantor,
        used: Option<&Tokens>,
        challenge: Option<&Challenge>,
        effort: Effort,
    ) -> Result<Renewed> {
        let Self { plan, fetch, keeper, .. } = &**self;
        let visit = match plan.grant {
            Grant::Code(_) => Some(self.wallet.lock_visit().await?),
            Grant::ClientCredentials(_) | Grant::Enterprise(_) | Grant::Workload(_) => None,
        };
        let lock = self.wallet.lock().await?;
        // Another process may have been faster, with a user who authorizes only once.
        let kept = self.wallet.read().await?;
        if let Some(kept) = &kept
            && used.is_none_or(|used| !kept.is(used))
            && grantor.may_take(kept, challenge)
        {
            self.wallet.take(kept.clone())?;
            return Ok(Renewed::Adopted);
        }
        if effort != Effort::Full && matches!(plan.grant, Grant::Code(_)) {
            return Err(Error::new(
                ErrorKind::Unauthorized,
                "the user has to authorize this client again, and is asked when the program next calls the server",
            ));
        }
        let old = used.filter(|used| grantor.has_issued(used));
        let wanted = Wanted {
            issuer: grantor.server.issuer.clone(),
            resource: grantor.resource.clone(),
            scopes: grantor.scopes(plan, old, challenge),
            key: grantor.key(plan, old)?,
            is_bound_alone: grantor.is_bound_alone(plan),
        };
        let (server, patience) = (&grantor.server, plan.patience);
        let (client, tokens) = match &plan.grant {
            Grant::Code(code) => {
                drop(lock);
                return self.clone().ask_user(code, grantor, wanted, kept, visit).await;
            }
            Grant::ClientCredentials(client) => {
                let binding = Binding::check(keeper, client, server, client.is_confidential()).await?;
                (binding, client_credentials::run(client, fetch, server, &wanted).await?)
            }
            Grant::Enterprise(enterprise) => {
                let binding = Binding::check(keeper, enterprise.client(), server, true).await?;
                (binding, enterprise.run(fetch, server, &wanted, patience).await?)
            }
            Grant::Workload(workload) => {
                let binding = Binding::check(keeper, workload.client(), server, true).await?;
                (binding, workload.run(fetch, server, &wanted, patience).await?)
            }
        };
        if let Some(binding) = client {
            binding.keep(keeper).await;
        }
        self.wallet.keep(tokens, kept.as_ref()).await?;
        Ok(Renewed::Granted)
    }

    /// Lets the user authorize. When they have, the client goes on to the end, whoever waits for it: they are not to be asked twice.
    async fn ask_user(
        self: Arc<Self>,
        code: &Code,
        grantor: &Grantor,
        wanted: Wanted,
        kept: Option<Tokens>,
        visit: Option<TokenLock>,
    ) -> Result<Renewed> {
        let Self { plan, fetch, keeper, .. } = &*self;
        let authorized = code.ask(fetch, &grantor.server, &wanted, keeper, plan.patience).await?;
        let (this, server) = (self.clone(), grantor.server.clone());
        self.to_the_end(async move {
            // Who waits for it finds what was granted.
            let _visit = visit;
            let tokens = authorized.redeem(&this.fetch, &server, &wanted, &this.keeper).await?;
            this.wallet.lock_and_keep(tokens, kept).await?;
            Ok(Renewed::Granted)
        })
        .await
    }

    /// The client to which tokens were issued.
    fn client_of(&self, tokens: &Tokens) -> Option<ClientCredentials> {
        let Grant::Code(code) = &self.plan.grant else { return self.plan.grant.client().cloned() };
        let is_it = |client: &ClientCredentials| client.id() == tokens.client;
        if let Some(client) = code.registered.iter().find(|client| is_it(client)) {
            return Some(client.clone());
        }
        if code.metadata_url.as_deref() == Some(tokens.client.as_str()) {
            return Some(ClientCredentials::public(&tokens.client));
        }
        tokens.registration.as_ref().map(|made| made.client.clone()).filter(is_it)
    }

    /// Does work to its end, even if nobody waits for it any more.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let under_way = self.under_way.begin();
        let work = tokio::spawn(async move {
            let _under_way = under_way;
            work.await
        });
        let ended = |_| Err(Error::new(ErrorKind::Internal, "coming by tokens was ended; see the log"));
        work.await.unwrap_or_else(ended)
    }
}
