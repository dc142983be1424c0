use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use oxmcp::auth::Secret;
use oxmcp::store::{MemoryTokens, TokenLock, TokenStore};
use oxmcp::{ErrorObject, Result};

type Trouble = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// A store of tokens in which something may be wrong with what is written.
#[derive(Clone, Default)]
pub(crate) struct ScriptedTokens {
    /// What is kept, for whoever else shares it.
    pub(crate) kept: MemoryTokens,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

impl ScriptedTokens {
    /// Does something before tokens are written, which fails then.
    pub(crate) fn break_with(&self, trouble: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        *self.trouble.lock().unwrap() = Some(Arc::new(trouble));
    }

    pub(crate) fn mend(&self) {
        *self.trouble.lock().unwrap() = None;
    }
}

impl TokenStore for ScriptedTokens {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        self.kept.read(key)
    }

    fn write<'a>(&'a self, key: &'a str, value: Option<Secret>) -> BoxFuture<'a, Result<()>> {
        let trouble = self.trouble.lock().unwrap().clone();
        let trouble = trouble.filter(|_| key.starts_with("tokens"));
        Box::pin(async move {
            match trouble {
                None => self.kept.write(key, value).await,
                Some(trouble) => {
                    trouble().await;
                    Err(ErrorObject::new(-32603, "the disk is full").into())
                }
            }
        })
    }

    fn lock<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<TokenLock>> {
        self.kept.lock(key)
    }
}
