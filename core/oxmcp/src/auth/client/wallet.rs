use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::authorization::Authorization;
use super::credential::Credential;
use super::keeper::Keeper;
use super::tokens::Tokens;
use crate::Result;
use crate::auth::{Resource, Secret};
use crate::store::TokenLock;

/// The tokens of one client for one resource: those that it sends, and those that are kept.
pub(super) struct Wallet {
    keeper: Keeper,
    resource: Resource,
    /// The client to which they were issued, where it is known beforehand.
    client: Option<String>,
    /// Whether tokens that are bound to no key are of no use.
    is_bound_alone: bool,
    /// Where they are in the store.
    key: String,
    current: watch::Sender<Current>,
    unsaved: Mutex<Option<Unsaved>>,
}

/// What is sent along.
#[derive(Clone)]
pub(super) enum Current {
    /// The store has not been asked yet.
    Unread,
    Nothing,
    Credential(Arc<Credential>),
}

/// The store does not hold what is sent, because it could not be kept.
struct Unsaved {
    /// The access token that the store held then. Whatever else it holds is newer.
    over: Option<Secret>,
}

impl Wallet {
    pub(super) fn new(keeper: Keeper, plan: &Authorization, resource: Resource) -> Self {
        Self {
            key: format!("tokens for {} as {}", resource.url(), plan.owner()),
            client: plan.grant.client().map(|client| client.id().to_owned()),
            keeper,
            resource,
            is_bound_alone: plan.dpop == Some(true),
            current: watch::Sender::new(Current::Unread),
            unsaved: Mutex::default(),
        }
    }

    pub(super) fn current(&self) -> Current {
        self.current.borrow().clone()
    }

    /// Reads what is kept, and sends it from now on, unless somebody has found something else to send meanwhile.
    pub(super) async fn open(&self) -> Result<()> {
        let found = match self.read().await? {
            None => Current::Nothing,
            Some(tokens) => Current::Credential(Arc::new(Credential::new(tokens)?)),
        };
        self.current.send_if_modified(|current| {
            let is_unread = matches!(current, Current::Unread);
            if is_unread {
                *current = found;
            }
            is_unread
        });
        Ok(())
    }

    /// Waits until there is something else to send than what was used.
    pub(super) async fn until_other_than(&self, used: Option<&Arc<Credential>>) {
        let is_other = |current: &Current| match (current, used) {
            (Current::Credential(current), Some(used)) => !current.tokens.is(&used.tokens),
            (Current::Credential(_), None) => true,
            (Current::Unread | Current::Nothing, _) => false,
        };
        // The sender is here.
        let _ = self.current.subscribe().wait_for(is_other).await;
    }

    /// Waits until no other client that shares the store changes the tokens.
    pub(super) async fn lock(&self) -> Result<TokenLock> {
        self.keeper.lock(&self.key).await
    }

    /// Waits until no other client that shares the store asks the user for tokens. It is taken before [`lock`](Self::lock).
    pub(super) async fn lock_visit(&self) -> Result<TokenLock> {
        self.keeper.lock(&format!("visit for {}", self.key)).await
    }

    /// What is kept. What could not be kept before is kept first, if it still belongs there. To be called by who holds the lock.
    pub(super) async fn catch_up(&self) -> Result<Option<Tokens>> {
        let kept = self.read().await?;
        let over = self.unsaved().as_ref().map(|unsaved| unsaved.over.clone());
        let (Some(over), Current::Credential(current)) = (over, self.current()) else { return Ok(kept) };
        if kept.as_ref().map(|kept| &kept.access) != over.as_ref() {
            // Somebody else has kept others, or it was kept after all.
            *self.unsaved() = None;
            return Ok(kept);
        }
        self.save(&current.tokens, over).await;
        Ok(Some(current.tokens.clone()))
    }

    /// What is kept.
    pub(super) async fn read(&self) -> Result<Option<Tokens>> {
        let kept = self.keeper.read(&self.key).await?;
        Ok(kept
            .as_ref()
            .and_then(Tokens::from_secret)
            .filter(|tokens| self.client.as_ref().is_none_or(|own| *own == tokens.client))
            .filter(|tokens| self.resource.is_covered_by(&tokens.resource))
            .filter(|tokens| !self.is_bound_alone || tokens.key.is_some()))
    }

    /// Sends and keeps what was granted while others could refresh what was `seen` in the store, once nobody does.
    pub(super) async fn lock_and_keep(&self, tokens: Tokens, seen: Option<Tokens>) -> Result<()> {
        let lock = self.lock().await;
        if let Err(error) = &lock {
            // The user has agreed, and is not to be asked again.
            tracing::warn!(%error, "what was granted is kept though the kept tokens could not be locked");
        }
        let before = self.read().await.unwrap_or(seen);
        self.keep(tokens, before.as_ref()).await
    }

    /// Sends tokens from now on, and keeps them in place of those `before`. What they came of is used up, so this client goes on with them even if
    /// they cannot be kept now. To be called by who holds the lock.
    pub(super) async fn keep(&self, tokens: Tokens, before: Option<&Tokens>) -> Result<()> {
        self.take(tokens.clone())?;
        self.save(&tokens, before.map(|before| before.access.clone())).await;
        Ok(())
    }

    /// Keeps tokens for others to see, and goes on sending what is sent.
    pub(super) async fn put_back(&self, tokens: &Tokens) -> Result<()> {
        self.keeper.write(&self.key, Some(tokens.to_secret())).await
    }

    /// Sends tokens from now on.
    pub(super) fn take(&self, tokens: Tokens) -> Result<()> {
        let credential = Arc::new(Credential::new(tokens)?);
        self.current.send_replace(Current::Credential(credential));
        Ok(())
    }

    async fn save(&self, tokens: &Tokens, over: Option<Secret>) {
        let saved = self.put_back(tokens).await;
        let mut unsaved = self.unsaved();
        match saved {
            Ok(()) => *unsaved = None,
            Err(error) => {
                tracing::warn!(%error, "tokens could not be kept; the next time that tokens are asked for, it is tried again");
                unsaved.get_or_insert(Unsaved { over });
            }
        }
    }

    fn unsaved(&self) -> MutexGuard<'_, Option<Unsaved>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
