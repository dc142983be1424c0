use super::registration::Registration;
use crate::Result;
use crate::auth::authorization_server::AuthorizationServer;
use crate::store::TokenStore;

/// The clients that authorization servers took on by themselves, one for each server, as they are kept.
pub(super) struct Registrations<'a>(pub(super) &'a dyn TokenStore);

impl Registrations<'_> {
    /// The one at `issuer`.
    pub(super) async fn at(&self, issuer: &str) -> Result<Option<Registration>> {
        let kept = self.0.read(&key(issuer)).await?;
        Ok(kept.and_then(|kept| Registration::from_secret(&kept, issuer)))
    }

    pub(super) async fn keep(&self, server: &AuthorizationServer, made: &Registration) -> Result<()> {
        self.0.write(&key(&server.issuer), Some(made.to_secret())).await
    }

    /// The server has forgotten a client that it had registered: the next time, it is asked to register it anew. One that has taken its place
    /// meanwhile is another.
    pub(super) async fn forget(&self, issuer: &str, client: &str) -> Result<()> {
        match self.at(issuer).await? {
            Some(kept) if kept.client.id() == client => self.0.write(&key(issuer), None).await,
            Some(_) | None => Ok(()),
        }
    }
}

fn key(issuer: &str) -> String {
    format!("client of {issuer}")
}
