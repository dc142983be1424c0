use std::sync::Arc;
use std::time::Duration;

use super::settled::settled;
use crate::auth::Secret;
use crate::store::{TokenLock, TokenStore};
use crate::{Error, ErrorKind, Result};

/// The user's store of tokens, which is waited for no longer than it may take.
#[derive(Clone)]
pub(super) struct Keeper {
    store: Arc<dyn TokenStore>,
    patience: Duration,
}

impl Keeper {
    pub(super) fn new(store: Arc<dyn TokenStore>, patience: Duration) -> Self {
        Self { store, patience }
    }

    pub(super) async fn read(&self, key: &str) -> Result<Option<Secret>> {
        settled("reading the kept tokens", self.patience, || self.store.read(key)).await
    }

    pub(super) async fn write(&self, key: &str, value: Option<Secret>) -> Result<()> {
        settled("keeping tokens", self.patience, || self.store.write(key, value)).await
    }

    /// Waits until no other client that shares the store holds `key`.
    pub(super) async fn lock(&self, key: &str) -> Result<TokenLock> {
        let lock = settled("locking the kept tokens", Duration::MAX, || self.store.lock(key));
        tokio::time::timeout(self.patience, lock).await.unwrap_or_else(|_| {
            let message = format!(
                "another client has held the tokens for more than {:?}; is it hanging?",
                self.patience
            );
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }
}
