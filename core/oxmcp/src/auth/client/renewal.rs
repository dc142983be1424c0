use std::sync::Arc;

use super::authorization::Authorization;
use super::binding::check_binding;
use super::credential::Credential;
use super::credentials::ClientCredentials;
use super::grant::Grant;
use super::grantor::Grantor;
use super::registrations::Registrations;
use super::token_endpoint::{INVALID_CLIENT, NoToken};
use super::tokens::{Tokens, Wanted};
use super::wallet::Wallet;
use super::{client_credentials, refresh};
use crate::auth::Resource;
use crate::auth::challenge::Challenge;
use crate::auth::fetch::Fetch;
use crate::{Error, ErrorKind, Result};

/// Comes by new tokens for one client and one resource.
pub(super) struct Renewal {
    pub(super) plan: Authorization,
    pub(super) resource: Resource,
    pub(super) fetch: Fetch,
    pub(super) wallet: Wallet,
}

/// How new tokens were come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewed {
    /// Another client has got them.
    Adopted,
    Refreshed,
    Granted,
}

impl Renewal {
    /// Finds out who grants access to the resource.
    pub(super) async fn discover(&self, challenge: Option<&Challenge>) -> Result<Grantor> {
        Grantor::discover(&self.fetch, &self.resource, &self.plan.grant, challenge).await
    }

    /// The cheap ways to other tokens than those that were `used`: what another client has got meanwhile, or a refresh. It ends what it has
    /// begun even if nobody waits for it any more: a refresh token is good once, and what comes of it has to be kept.
    pub(super) async fn adopt_or_refresh(
        self: Arc<Self>,
        grantor: Grantor,
        used: Option<Arc<Credential>>,
    ) -> Result<Option<Renewed>> {
        let work = tokio::spawn(async move {
            let _lock = self.wallet.lock().await?;
            self.wallet.catch_up().await?;
            let kept = self.wallet.read().await?;
            if let Some(kept) = &kept
                && used.as_ref().is_none_or(|used| !kept.is(&used.tokens))
                && !kept.is_expiring()
                && grantor.may_take(kept, None)
            {
                self.wallet.take(kept.clone())?;
                return Ok(Some(Renewed::Adopted));
            }
            // What is kept is the newest: somebody else may have refreshed what was used.
            let newest = kept.or_else(|| used.map(|used| used.tokens.clone()));
            match newest {
                Some(newest) => self.refresh(newest, &grantor).await,
                None => Ok(None),
            }
        });
        work.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "refreshing tokens was ended")))
    }

    /// Refreshes tokens, if they can be.
    async fn refresh(&self, old: Tokens, grantor: &Grantor) -> Result<Option<Renewed>> {
        if !grantor.has_issued(&old) {
            return Ok(None);
        }
        let Some(client) = self.client_of(&old) else { return Ok(None) };
        match refresh::run(&client, &self.fetch, &grantor.server, &old).await {
            Ok(None) => Ok(None),
            Ok(Some(new)) => {
                self.wallet.keep(new).await?;
                Ok(Some(Renewed::Refreshed))
            }
            Err(NoToken::Refused { code, words, .. }) => {
                tracing::debug!(code, words, "the authorization server refused a refresh token");
                if code == INVALID_CLIENT {
                    Registrations(&*self.plan.store).forget(&old.issuer, &old.client).await?;
                }
                // It is no good any more, to nobody.
                self.wallet.put_back(&Tokens { refresh: None, ..old }).await?;
                Ok(None)
            }
            Err(NoToken::Failed(error)) => Err(error),
        }
    }

    /// Asks for a grant, unless another client has just got one that will do.
    pub(super) async fn obtain(
        &self,
        grantor: &Grantor,
        used: Option<&Tokens>,
        challenge: Option<&Challenge>,
    ) -> Result<Renewed> {
        let _lock = self.wallet.lock().await?;
        // Another process may have been faster, with a user who authorizes only once.
        if let Some(tokens) = self.wallet.read().await?
            && used.is_none_or(|used| !tokens.is(used))
            && grantor.may_take(&tokens, challenge)
        {
            self.wallet.take(tokens)?;
            return Ok(Renewed::Adopted);
        }
        let tokens = self.ask(grantor, used, challenge).await?;
        self.wallet.keep(tokens).await?;
        Ok(Renewed::Granted)
    }

    async fn ask(
        &self,
        grantor: &Grantor,
        old: Option<&Tokens>,
        challenge: Option<&Challenge>,
    ) -> Result<Tokens> {
        let Self { plan, fetch, .. } = self;
        let old = old.filter(|old| grantor.has_issued(old));
        let scopes = grantor.scopes(plan, old, challenge);
        let key = grantor.key(plan, old)?;
        let server = &grantor.server;
        let wanted = Wanted {
            issuer: &server.issuer,
            resource: &grantor.resource,
            scopes: &scopes,
            key: key.as_ref(),
        };
        if let Some(client) = plan.grant.client() {
            check_binding(&*plan.store, client, server).await?;
        }
        match &plan.grant {
            Grant::Code(code) => code.run(fetch, server, &wanted, &*plan.store, plan.patience).await,
            Grant::ClientCredentials(client) => client_credentials::run(client, fetch, server, &wanted).await,
            Grant::Enterprise(enterprise) => enterprise.run(fetch, server, &wanted).await,
            Grant::Workload(workload) => workload.run(fetch, server, &wanted).await,
        }
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
}
