use super::authorization::Authorization;
use super::dpop::DpopKey;
use super::grant::Grant;
use super::protected_resource::{Found, ProtectedResource};
use super::tokens::Tokens;
use crate::Result;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::challenge::Challenge;
use crate::auth::fetch::Fetch;
use crate::auth::issuer::is_same_issuer;
use crate::auth::{Resource, Scopes};

/// Who grants access to the resource.
#[derive(Clone)]
pub(super) struct Grantor {
    pub(super) server: AuthorizationServer,
    /// The resource's name for itself.
    pub(super) resource: String,
    scopes: Option<Scopes>,
    wants_bound_tokens: bool,
    /// Whether it takes no others.
    requires_bound_tokens: bool,
}

impl Grantor {
    /// Finds out who grants access (2026-07-28, authorization server discovery; 2025-03-26, authorization).
    pub(super) async fn discover(
        fetch: &Fetch,
        resource: &Resource,
        grant: &Grant,
        challenge: Option<&Challenge>,
    ) -> Result<Self> {
        let asks_for_proof = challenge.is_some_and(|challenge| challenge.is_of("DPoP"));
        let found = ProtectedResource::discover(fetch, resource, challenge).await?;
        let Found::Metadata(found) = found else {
            let server = AuthorizationServer::of_origin(fetch, resource.url()).await?;
            // It may say otherwise where nobody may look.
            if let (Found::Withheld(error), true) = (found, server.is_assumed()) {
                return Err(error);
            }
            let resource = resource.canonical();
            return Ok(Self {
                server,
                resource,
                scopes: None,
                wants_bound_tokens: asks_for_proof,
                requires_bound_tokens: false,
            });
        };
        let server = match choose(grant, &found.authorization_servers) {
            Some(issuer) => AuthorizationServer::discover(fetch, issuer).await?,
            // The resource does not say, so it can only be itself.
            None => AuthorizationServer::of_origin(fetch, resource.url()).await?,
        };
        Ok(Self {
            server,
            scopes: found.scopes(),
            wants_bound_tokens: asks_for_proof || found.dpop_bound_access_tokens_required,
            requires_bound_tokens: found.dpop_bound_access_tokens_required,
            resource: found.resource,
        })
    }

    /// The one that has issued `tokens`, as far as they tell.
    pub(super) async fn of(fetch: &Fetch, resource: &Resource, tokens: &Tokens) -> Result<Self> {
        let server = if tokens.issuer == AuthorizationServer::origin(resource.url()) {
            AuthorizationServer::of_origin(fetch, resource.url()).await?
        } else {
            AuthorizationServer::discover(fetch, &tokens.issuer).await?
        };
        let (resource, wants_bound_tokens) = (tokens.resource.clone(), tokens.key.is_some());
        Ok(Self {
            server,
            resource,
            scopes: None,
            wants_bound_tokens,
            requires_bound_tokens: wants_bound_tokens,
        })
    }

    /// Whether it is the one that has issued `tokens`.
    pub(super) fn has_issued(&self, tokens: &Tokens) -> bool {
        is_same_issuer(&tokens.issuer, &self.server.issuer)
    }

    /// Whether tokens of somebody else may do.
    pub(super) fn may_take(&self, tokens: &Tokens, challenge: Option<&Challenge>) -> bool {
        let wanted = challenge.and_then(|challenge| challenge.scope.as_ref());
        self.has_issued(tokens) && wanted.is_none_or(|wanted| tokens.scopes.contains_all(wanted))
    }

    /// The scopes to ask for (2026-07-28, authorization, "Scope Selection Strategy").
    pub(super) fn scopes(
        &self,
        plan: &Authorization,
        old: Option<&Tokens>,
        challenge: Option<&Challenge>,
    ) -> Scopes {
        let challenged = challenge.and_then(|challenge| challenge.scope.clone());
        let base = challenged.or_else(|| self.scopes.clone().filter(|_| plan.scopes.is_empty()));
        let mut scopes = old.map(|old| old.requested.clone()).unwrap_or_default();
        scopes = scopes.union(&base.unwrap_or_default()).union(&plan.scopes);
        let is_for_a_user = matches!(plan.grant, Grant::Code(_));
        if is_for_a_user && self.server.refreshes() && self.server.has_scope("offline_access") {
            scopes.insert("offline_access");
        }
        scopes
    }

    /// Whether tokens that are bound to no key are of no use: by the user's word, or else by the resource's.
    pub(super) fn is_bound_alone(&self, plan: &Authorization) -> bool {
        plan.dpop.unwrap_or(self.requires_bound_tokens)
    }

    /// The key to which tokens are to be bound, if they are.
    pub(super) fn key(&self, plan: &Authorization, old: Option<&Tokens>) -> Result<Option<DpopKey>> {
        if !plan.dpop.unwrap_or(self.wants_bound_tokens) {
            return Ok(None);
        }
        let algorithms = self.server.dpop_signing_alg_values_supported.as_deref();
        if algorithms.is_some_and(|algorithms| !algorithms.iter().any(|algorithm| algorithm == "ES256")) {
            return Err(self.server.lacks("ES256 among the algorithms for proofs of possession (DPoP)"));
        }
        match old.and_then(|old| old.key.clone()) {
            Some(key) => Ok(Some(key)),
            None => DpopKey::generate().map(Some),
        }
    }
}

/// One that knows this client already, or else the first.
fn choose<'a>(grant: &Grant, servers: &'a [String]) -> Option<&'a str> {
    let known = servers.iter().find(|server| grant.issuers().any(|issuer| is_same_issuer(issuer, server)));
    known.or(servers.first()).map(String::as_str)
}
