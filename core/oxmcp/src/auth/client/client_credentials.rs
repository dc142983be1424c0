//! The client credentials flow (OAuth 2.1, section 4.2; extension `io.modelcontextprotocol/oauth-client-credentials`).

use super::credentials::ClientCredentials;
use super::token_endpoint::TokenEndpoint;
use super::tokens::{Tokens, Wanted};
use crate::Result;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;

/// Asks for tokens for the client itself.
pub(super) async fn run(
    client: &ClientCredentials,
    fetch: &Fetch,
    server: &AuthorizationServer,
    wanted: &Wanted,
) -> Result<Tokens> {
    let endpoint = TokenEndpoint { fetch, server, client: Some(client) };
    let grant = vec![("grant_type", "client_credentials".to_owned())];
    Ok(endpoint.ask(wanted, true, grant).await?)
}
