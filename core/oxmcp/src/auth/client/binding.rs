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

impl Binding {
    /// Checks that credentials are shown to nobody but the server that issued them. What it gives is to be kept when the server has taken them,
    /// and not before: whoever refuses them did not issue them.
    pub(super) async fn check(
        keeper: &Keeper,
        client: &ClientCredentials,
        server: &AuthorizationServer,
    ) -> Result<Option<Self>> {
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
            None if server.is_assumed => Ok(None),
            None => Ok(Some(Self { key, issuer: server.issuer.clone() })),
        }
    }

    pub(super) async fn keep(self, keeper: &Keeper) {
        if let Err(error) = keeper.write(&self.key, Some(self.issuer.into())).await {
            tracing::warn!(%error, "to which authorization server a client belongs could not be kept");
        }
    }
}
