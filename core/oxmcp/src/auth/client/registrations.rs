use super::keeper::Keeper;
use super::registration::Registration;
use crate::Result;
use crate::store::TokenLock;

/// The clients that authorization servers took on by themselves, the last of each server, as they are kept.
pub(super) struct Registrations<'a> {
    keeper: &'a Keeper,
    issuer: &'a str,
    key: String,
}

impl<'a> Registrations<'a> {
    /// Those at `issuer`.
    pub(super) fn at(keeper: &'a Keeper, issuer: &'a str) -> Self {
        Self { keeper, issuer, key: format!("client of {issuer}") }
    }

    /// Waits until no other client that shares the store registers there.
    pub(super) async fn lock(&self) -> Result<TokenLock> {
        self.keeper.lock(&self.key).await
    }

    pub(super) async fn read(&self) -> Result<Option<Registration>> {
        let kept = self.keeper.read(&self.key).await?;
        Ok(kept.and_then(|kept| Registration::from_secret(&kept, self.issuer)))
    }

    pub(super) async fn keep(&self, made: &Registration) {
        if let Err(error) = self.keeper.write(&self.key, Some(made.to_secret())).await {
            tracing::warn!(%error, "the registration of a client could not be kept");
        }
    }

    /// The server has forgotten a client that it had registered: the next time, it is asked to register it anew. One that has taken its place
    /// meanwhile is another.
    pub(super) async fn forget(&self, client: &str) -> Result<()> {
        match self.read().await? {
            Some(kept) if kept.client.id() == client => self.keeper.write(&self.key, None).await,
            Some(_) | None => Ok(()),
        }
    }
}
