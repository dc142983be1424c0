//! Workload identity federation (RFC 7523, section 2.1; extension `io.modelcontextprotocol/auth/wif`).

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::credentials::ClientCredentials;
use super::enterprise::Assertions;
use super::settled::settled;
use super::token_endpoint::TokenEndpoint;
use super::tokens::{Tokens, Wanted};
use crate::Result;
use crate::auth::Secret;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;

pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A workload, for which the platform that it runs on vouches with a JWT.
#[derive(Clone)]
pub struct Workload {
    client: ClientCredentials,
    assertion: Assertions,
}

impl Workload {
    /// The workload that the authorization server knows as `client`. `assertion` gives the platform's JWT, whose audience has to be that
    /// server; it is asked whenever tokens are needed, for such JWTs are short-lived.
    pub fn new<F, Fut>(client: ClientCredentials, assertion: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Secret>> + Send + 'static,
    {
        Self { client, assertion: Arc::new(move || Box::pin(assertion())) }
    }

    pub(super) fn client(&self) -> &ClientCredentials {
        &self.client
    }

    /// Asks once: what was refused is not tried in another way. The platform has `patience`.
    pub(super) async fn run(
        &self,
        fetch: &Fetch,
        server: &AuthorizationServer,
        wanted: &Wanted,
        patience: Duration,
    ) -> Result<Tokens> {
        let assertion =
            settled("what gives the workload's assertion", patience, || (self.assertion)()).await?;
        let endpoint = TokenEndpoint { fetch, server, client: Some(&self.client) };
        let grant = vec![("grant_type", JWT_BEARER.to_owned()), ("assertion", assertion.expose().to_owned())];
        Ok(endpoint.ask(wanted, true, grant).await?)
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workload").field("client", &self.client).finish_non_exhaustive()
    }
}
