//! The authorization code flow (OAuth 2.1, section 4.1; 2026-07-28, authorization, "Authorization Flow Steps").

use std::time::Duration;

use super::code_request::CodeRequest;
use super::grant::Code;
use super::introduction::Introduction;
use super::registrations::Registrations;
use super::token_endpoint::{INVALID_CLIENT, NoToken, TokenEndpoint};
use super::tokens::{Tokens, Wanted};
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;
use crate::store::TokenStore;
use crate::{Error, ErrorKind, Result};

impl Code {
    /// Lets the user authorize, who has `patience` for it.
    pub(super) async fn run(
        &self,
        fetch: &Fetch,
        server: &AuthorizationServer,
        wanted: &Wanted<'_>,
        store: &dyn TokenStore,
        patience: Duration,
    ) -> Result<Tokens> {
        let Introduction { client, registration, visit } =
            Introduction::to(server, self, wanted.scopes, fetch, store).await?;
        let request = CodeRequest::new(fetch, server, client.id(), visit.redirect_uri(), wanted)?;
        let answer = tokio::time::timeout(patience, request.ask(visit)).await.map_err(|_| {
            Error::new(
                ErrorKind::Timeout,
                format!("the user did not authorize this client within {patience:?}"),
            )
        })??;
        let endpoint = TokenEndpoint { fetch, server, client: Some(&client) };
        match answer.redeem(&endpoint, wanted).await {
            Err(NoToken::Refused { endpoint, code, words }) if code == INVALID_CLIENT => {
                Registrations(store).forget(&server.issuer, client.id()).await?;
                Err(NoToken::Refused { endpoint, code, words }.into())
            }
            tokens => Ok(Tokens { registration, ..tokens? }),
        }
    }
}
