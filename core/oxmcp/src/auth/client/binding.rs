use super::credentials::ClientCredentials;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::issuer::is_same_issuer;
use crate::store::TokenStore;
use crate::{Error, ErrorKind, Result};

/// Checks that credentials are shown to nobody but the server that issued them; the first that they were shown to, if the user did not say
/// (2026-07-28, client registration, "Authorization Server Binding").
pub(super) async fn check_binding(
    store: &dyn TokenStore,
    client: &ClientCredentials,
    server: &AuthorizationServer,
) -> Result<()> {
    let key = format!("issuer of {}", client.id());
    let first = match client.issued_by() {
        Some(issuer) => Some(issuer.to_owned()),
        None => store.read(&key).await?.map(|issuer| issuer.expose().to_owned()),
    };
    match first {
        Some(issuer) if is_same_issuer(&issuer, &server.issuer) => Ok(()),
        Some(issuer) => Err(Error::new(
            ErrorKind::Unauthorized,
            format!(
                "access is granted by {} now, but the client {:?} is known to {issuer} alone; its credentials are not shown to another server",
                server.issuer,
                client.id()
            ),
        )),
        None => store.write(&key, Some(server.issuer.as_str().into())).await,
    }
}
