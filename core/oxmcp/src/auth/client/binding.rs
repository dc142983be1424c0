use super::credentials::ClientCredentials;
use super::keeper::Keeper;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::issuer::is_same_issuer;
use crate::{Error, ErrorKind, Result};

/// That credentials belong to the server that they are shown to first, because the user did not say to which (2026-07-28, client registration,
/// "Authorization Server Binding").
pub(super) struct Binding {
    key: String,
    issuer: String,
}

/// Checks that nothing secret is shown to a server of which nobody says that it is an authorization server: the user may, by its name. That an
/// MCP server has no metadata leads to itself (2025-03-26, authorization, "Fallbacks for Servers without Metadata Discovery"), which is good
/// enough for a user who is shown where they are, and for no secret.
///
/// # Errors
///
/// [`Unauthorized`](ErrorKind::Unauthorized), which says to name the authorization server.
pub(super) fn check_named(client: &ClientCredentials, server: &AuthorizationServer) -> Result<()> {
    let (Some(places), None) = (server.looked_for(), client.issued_by()) else { return Ok(()) };
    let message = format!(
        "nothing that shows who {:?} is was sent to {}, which names no authorization server, nor says that it is one ({places}): name the authorization server that knows the client (`issuer`); if the server wants something else than OAuth, such as an API key, send that in a header",
        client.id(),
        server.issuer
    );
    Err(Error::new(ErrorKind::Unauthorized, message))
}

impl Binding {
    /// Checks that credentials are shown to nobody but the server that issued them. What it gives is to be kept when the server has taken them,
    /// and not before: whoever refuses them did not issue them. If they are `secret`, nobody gets them by an assumption.
    pub(super) async fn check(
        keeper: &Keeper,
        client: &ClientCredentials,
        server: &AuthorizationServer,
        secret: bool,
    ) -> Result<Option<Self>> {
        if secret {
            check_named(client, server)?;
        }
        let key = format!("issuer of {}", client.id());
        let known = match client.issued_by() {
            Some(issuer) => Some(issuer.to_owned()),
            None => keeper.read(&key).await?.map(|issuer| issuer.expose().to_owned()),
        };
        match known {
            Some(issuer) if is_same_issuer(&issuer, &server.issuer) => Ok(None),
            Some(issuer) => Err(Error::new(
                ErrorKind::Unauthorized,
                format!(
                    "access is granted by {} now, but the client {:?} is known to {issuer} alone; its credentials are not shown to another server",
                    server.issuer,
                    client.id()
                ),
            )),
            // Nobody has said that this is an authorization server.
            None if server.is_assumed() => Ok(None),
            None => Ok(Some(Self { key, issuer: server.issuer.clone() })),
        }
    }

    pub(super) async fn keep(self, keeper: &Keeper) {
        if let Err(error) = keeper.write(&self.key, Some(self.issuer.into())).await {
            tracing::warn!(%error, "to which authorization server a client belongs could not be kept");
        }
    }
}
