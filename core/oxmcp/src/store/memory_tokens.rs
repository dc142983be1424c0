use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use rustc_hash::FxHashMap;

use super::{TokenLock, TokenStore};
use crate::Result;
use crate::auth::Secret;

/// Keeps tokens in memory, for as long as it lives. Its clones are the same store.
///
/// ```
/// use oxmcp::auth::Authorization;
/// use oxmcp::store::MemoryTokens;
///
/// let tokens = MemoryTokens::default();
/// let one = Authorization::code("reports").store(tokens.clone()).account("alice");
/// let another = Authorization::code("reports").store(tokens).account("bob");
/// ```
#[derive(Clone, Default)]
pub struct MemoryTokens {
    entries: Arc<Mutex<FxHashMap<String, Entry>>>,
}

#[derive(Default)]
struct Entry {
    value: Option<Secret>,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl MemoryTokens {
    fn entries(&self) -> MutexGuard<'_, FxHashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for MemoryTokens {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        Box::pin(async move { Ok(self.entries().get(key).and_then(|entry| entry.value.clone())) })
    }

    fn write<'a>(&'a self, key: &'a str, value: Option<Secret>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.entries().entry(key.to_owned()).or_default().value = value;
            Ok(())
        })
    }

    fn lock<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<TokenLock>> {
        Box::pin(async move {
            let lock = self.entries().entry(key.to_owned()).or_default().lock.clone();
            Ok(TokenLock::new(lock.lock_owned().await))
        })
    }
}

impl fmt::Debug for MemoryTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTokens").field("entries", &self.entries().len()).finish()
    }
}
