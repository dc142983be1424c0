//! The refresh of tokens (OAuth 2.1, section 4.3).

use super::credentials::ClientCredentials;
use super::token_endpoint::{NoToken, TokenEndpoint};
use super::tokens::{Tokens, Wanted};
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;

/// Asks for new tokens in place of `old`, which were issued to `client`. `None` is for those that cannot be refreshed.
pub(super) async fn run(
    client: &ClientCredentials,
    fetch: &Fetch,
    server: &AuthorizationServer,
    old: &Tokens,
) -> Result<Option<Tokens>, NoToken> {
    let Some(token) = &old.refresh else { return Ok(None) };
    let endpoint = TokenEndpoint { fetch, server, client: Some(client) };
    let wanted = Wanted {
        issuer: server.issuer.clone(),
        resource: old.resource.clone(),
        scopes: old.requested.clone(),
        key: old.key.clone(),
        is_bound_alone: old.key.is_some(),
    };
    let grant =
        vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", token.expose().to_owned())];
    let mut new = endpoint.ask(&wanted, false, grant).await?;
    // A server that rotates nothing goes on with the token that it gave (RFC 6749, section 6).
    new.refresh = new.refresh.or_else(|| Some(token.clone()));
    new.registration = old.registration.clone();
    Ok(Some(new))
}
