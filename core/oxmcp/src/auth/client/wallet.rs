use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::credential::Credential;
use super::tokens::Tokens;
use crate::auth::Resource;
use crate::store::{TokenLock, TokenStore};
use crate::{Error, ErrorKind, Result};

/// The tokens of one client for one resource: those that it sends, and those that are kept.
pub(super) struct Wallet {
    store: Arc<dyn TokenStore>,
    resource: Resource,
    /// Where they are in the store.
    key: String,
    /// How long another client may hold them.
    patience: Duration,
    current: RwLock<Current>,
    /// Whether the store does not hold what is sent.
    is_unsaved: AtomicBool,
}

/// What is sent along.
#[derive(Clone)]
pub(super) enum Current {
    /// The store has not been asked yet.
    Unread,
    Nothing,
    Credential(Arc<Credential>),
}

impl Wallet {
    pub(super) fn new(store: Arc<dyn TokenStore>, resource: Resource, patience: Duration) -> Self {
        Self {
            key: format!("tokens for {}", resource.url()),
            store,
            resource,
            patience,
            current: RwLock::new(Current::Unread),
            is_unsaved: AtomicBool::new(false),
        }
    }

    pub(super) fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads what is kept, and sends it from now on, unless somebody has found something else to send meanwhile.
    pub(super) async fn open(&self) -> Result<()> {
        let found = match self.read().await? {
            None => Current::Nothing,
            Some(tokens) => Current::Credential(Arc::new(Credential::new(tokens)?)),
        };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*current, Current::Unread) {
            *current = found;
        }
        Ok(())
    }

    /// Whether there is something else to send than what was used.
    pub(super) fn has_other_than(&self, used: Option<&Arc<Credential>>) -> bool {
        match (self.current(), used) {
            (Current::Credential(current), Some(used)) => !current.tokens.is(&used.tokens),
            (Current::Credential(_), None) => true,
            (Current::Unread | Current::Nothing, _) => false,
        }
    }

    /// Waits until no other client that shares the store asks for tokens.
    pub(super) async fn lock(&self) -> Result<TokenLock> {
        let lock = tokio::time::timeout(self.patience, async { self.store.lock(&self.key).await });
        lock.await.unwrap_or_else(|_| {
            let message = format!(
                "another client has held the tokens for more than {:?}; is it hanging?",
                self.patience
            );
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }

    /// What is kept.
    pub(super) async fn read(&self) -> Result<Option<Tokens>> {
        let kept = self.store.read(&self.key).await?;
        Ok(kept
            .as_ref()
            .and_then(Tokens::from_secret)
            .filter(|tokens| self.resource.is_covered_by(&tokens.resource)))
    }

    /// Keeps tokens, and sends them from now on. What they came of is used up, so this client goes on with them even if they cannot be kept.
    pub(super) async fn keep(&self, tokens: Tokens) -> Result<()> {
        self.take(tokens.clone())?;
        self.is_unsaved.store(true, Ordering::Release);
        self.save(&tokens).await
    }

    /// Keeps tokens for others to see, and goes on sending what is sent.
    pub(super) async fn put_back(&self, tokens: &Tokens) -> Result<()> {
        self.store.write(&self.key, Some(tokens.to_secret())).await
    }

    /// Keeps what could not be kept before.
    pub(super) async fn catch_up(&self) -> Result<()> {
        match self.current() {
            Current::Credential(current) if self.is_unsaved.load(Ordering::Acquire) => {
                self.save(&current.tokens).await
            }
            _ => Ok(()),
        }
    }

    /// Sends tokens from now on.
    pub(super) fn take(&self, tokens: Tokens) -> Result<()> {
        let credential = Arc::new(Credential::new(tokens)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current::Credential(credential);
        Ok(())
    }

    async fn save(&self, tokens: &Tokens) -> Result<()> {
        self.put_back(tokens).await?;
        self.is_unsaved.store(false, Ordering::Release);
        Ok(())
    }
}
