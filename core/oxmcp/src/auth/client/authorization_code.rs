//! The authorization code flow (OAuth 2.1, section 4.1; 2026-07-28, authorization, "Authorization Flow Steps").

use std::time::Duration;

use super::binding::Binding;
use super::code_request::{CodeAnswer, CodeRequest};
use super::credentials::ClientCredentials;
use super::grant::Code;
use super::introduction::Introduction;
use super::keeper::Keeper;
use super::registration::Registration;
use super::registrations::Registrations;
use super::settled::settled;
use super::token_endpoint::{INVALID_CLIENT, TokenEndpoint};
use super::tokens::{Tokens, Wanted};
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;
use crate::{Error, ErrorKind, Result};

impl Code {
    /// Lets the user authorize, who has `patience` for it.
    pub(super) async fn ask(
        &self,
        fetch: &Fetch,
        server: &AuthorizationServer,
        wanted: &Wanted,
        keeper: &Keeper,
        patience: Duration,
    ) -> Result<Authorized> {
        let Introduction { client, registration, binding, visit } =
            Introduction::to(server, self, &wanted.scopes, fetch, keeper, patience).await?;
        let request = CodeRequest::new(fetch, server, client.id(), visit.redirect_uri(), wanted)?;
        let ask = settled("what shows the page to the user", Duration::MAX, || request.ask(visit));
        let answer = tokio::time::timeout(patience, ask).await.map_err(|_| {
            Error::new(
                ErrorKind::Timeout,
                format!("the user did not authorize this client within {patience:?}"),
            )
        })??;
        Ok(Authorized { client, registration, binding, answer })
    }
}

/// What a user has agreed to, which a client has to redeem yet.
pub(super) struct Authorized {
    client: ClientCredentials,
    registration: Option<Registration>,
    binding: Option<Binding>,
    answer: CodeAnswer,
}

impl Authorized {
    /// Redeems the code.
    pub(super) async fn redeem(
        self,
        fetch: &Fetch,
        server: &AuthorizationServer,
        wanted: &Wanted,
        keeper: &Keeper,
    ) -> Result<Tokens> {
        let Self { client, registration, binding, answer } = self;
        let endpoint = TokenEndpoint { fetch, server, client: Some(&client) };
        match answer.redeem(&endpoint, wanted).await {
            Ok(tokens) => {
                if let Some(binding) = binding {
                    binding.keep(keeper).await;
                }
                Ok(Tokens { registration, ..tokens })
            }
            Err(failure) => {
                if registration.is_some() && failure.is(INVALID_CLIENT) {
                    Registrations::at(keeper, &server.issuer).forget(client.id()).await?;
                }
                Err(failure.into())
            }
        }
    }
}
