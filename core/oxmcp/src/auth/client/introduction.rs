use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::binding::Binding;
use super::credentials::ClientCredentials;
use super::grant::Code;
use super::keeper::Keeper;
use super::registration::Registration;
use super::registrations::Registrations;
use super::settled::settled;
use super::user_agent::Visit;
use crate::Result;
use crate::auth::Scopes;
use crate::auth::authorization_server::AuthorizationServer;
use crate::auth::fetch::Fetch;
use crate::auth::issuer::is_same_issuer;

/// A client as a server knows it, and the visit of a user who comes back to where the client is known to be.
pub(super) struct Introduction {
    pub(super) client: ClientCredentials,
    /// How the client has become known, if it has registered itself.
    pub(super) registration: Option<Registration>,
    /// What is to be kept of a client that was registered by hand, when the server has taken it.
    pub(super) binding: Option<Binding>,
    pub(super) visit: Box<dyn Visit>,
}

impl Introduction {
    /// Makes the client known to `server`, if it is not (2026-07-28, client registration). The user agent has `patience` to get ready.
    pub(super) async fn to(
        server: &AuthorizationServer,
        code: &Code,
        scopes: &Scopes,
        fetch: &Fetch,
        keeper: &Keeper,
        patience: Duration,
    ) -> Result<Self> {
        let prepare = async |known: &[String]| {
            settled("the user agent's `prepare`", patience, || code.user_agent.prepare(known)).await
        };
        if let Some((client, binding)) = registered(code, server, keeper).await? {
            return Ok(Self { client, registration: None, binding, visit: prepare(&[]).await? });
        }
        if let Some(url) = code.metadata_url.as_ref().filter(|_| server.client_id_metadata_document_supported)
        {
            let client = ClientCredentials::public(url);
            return Ok(Self { client, registration: None, binding: None, visit: prepare(&[]).await? });
        }
        let registrations = Registrations::at(keeper, &server.issuer);
        // Clients of several resources have a store and a server in common, and may find out together that they are not known there.
        let _lock = registrations.lock().await?;
        let kept = registrations.read().await?;
        let visit = prepare(kept.as_ref().map_or(&[], Registration::redirect_uris)).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let registration = match kept {
            Some(kept) if kept.serves(visit.redirect_uri(), scopes, now) => kept,
            kept => {
                // Where clients are kept to their scopes, this one takes the place of one that others use.
                let scopes = kept.and_then(|kept| kept.scopes).unwrap_or_default().union(scopes);
                let made =
                    Registration::make(fetch, server, &code.name, visit.redirect_uri(), &scopes).await?;
                registrations.keep(&made).await;
                made
            }
        };
        let client = registration.client.clone();
        Ok(Self { client, registration: Some(registration), binding: None, visit })
    }
}

/// The client that was registered by hand with a server.
async fn registered(
    code: &Code,
    server: &AuthorizationServer,
    keeper: &Keeper,
) -> Result<Option<(ClientCredentials, Option<Binding>)>> {
    let at_server = |client: &&ClientCredentials| {
        client.issued_by().is_some_and(|issuer| is_same_issuer(issuer, &server.issuer))
    };
    if let Some(client) = code.registered.iter().find(at_server) {
        return Ok(Some((client.clone(), None)));
    }
    let Some(client) = code.registered.iter().find(|client| client.issued_by().is_none()) else {
        return Ok(None);
    };
    let binding = Binding::check(keeper, client, server, client.is_confidential()).await?;
    Ok(Some((client.clone(), binding)))
}
