use std::time::{SystemTime, UNIX_EPOCH};

use super::binding::check_binding;
use super::credentials::ClientCredentials;
use super::grant::Code;
use super::registration::Registration;
use super::registrations::Registrations;
use super::user_agent::Visit;
use crate::Result;
use crate::auth::Scopes;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;
use crate::auth::issuer::is_same_issuer;
use crate::store::TokenStore;

/// A client as a server knows it, and the visit of a user who comes back to where the client is known to be.
pub(super) struct Introduction {
    pub(super) client: ClientCredentials,
    /// How the client has become known, if it has registered itself.
    pub(super) registration: Option<Registration>,
    pub(super) visit: Box<dyn Visit>,
}

impl Introduction {
    /// Makes the client known to `server`, if it is not (2026-07-28, client registration).
    pub(super) async fn to(
        server: &AuthorizationServer,
        code: &Code,
        scopes: &Scopes,
        fetch: &Fetch,
        store: &dyn TokenStore,
    ) -> Result<Self> {
        if let Some(client) = registered(code, server, store).await? {
            return Ok(Self { client, registration: None, visit: code.user_agent.prepare(&[]).await? });
        }
        if let Some(url) = code.metadata_url.as_ref().filter(|_| server.client_id_metadata_document_supported)
        {
            let client = ClientCredentials::public(url);
            return Ok(Self { client, registration: None, visit: code.user_agent.prepare(&[]).await? });
        }
        let registrations = Registrations(store);
        let kept = registrations.at(&server.issuer).await?;
        let known = kept.as_ref().map_or(&[][..], Registration::redirect_uris);
        let visit = code.user_agent.prepare(known).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let kept = kept.filter(|kept| kept.serves(visit.redirect_uri(), scopes, now));
        let registration = match kept {
            Some(kept) => kept,
            None => {
                let made =
                    Registration::make(fetch, server, &code.name, visit.redirect_uri(), scopes).await?;
                registrations.keep(server, &made).await?;
                made
            }
        };
        Ok(Self { client: registration.client.clone(), registration: Some(registration), visit })
    }
}

/// The client that was registered by hand with a server.
async fn registered(
    code: &Code,
    server: &AuthorizationServer,
    store: &dyn TokenStore,
) -> Result<Option<ClientCredentials>> {
    let at_server = |client: &&ClientCredentials| {
        client.issued_by().is_some_and(|issuer| is_same_issuer(issuer, &server.issuer))
    };
    if let Some(client) = code.registered.iter().find(at_server) {
        return Ok(Some(client.clone()));
    }
    let Some(client) = code.registered.iter().find(|client| client.issued_by().is_none()) else {
        return Ok(None);
    };
    check_binding(store, client, server).await?;
    Ok(Some(client.clone()))
}
