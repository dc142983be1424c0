use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use oxmcp::auth::Secret;
use oxmcp::store::{TokenLock, TokenStore};
use oxmcp::{Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::SecretText;
use crate::asker::{Asker, Held, Question};
use crate::questions::NotAnswered;

/// A store of tokens that is the binding's.
pub(super) struct AskedTokens {
    asker: Asker,
    /// How long reading and writing may take.
    patience: Duration,
    /// Locks that are held. Whoever holds one may be about to write tokens that there is no second of, so that is heard even when the
    /// client is closed.
    locks: Arc<AtomicUsize>,
}

/// A lock that is held.
struct Lock {
    _held: Held,
    locks: Arc<AtomicUsize>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.locks.fetch_sub(1, Ordering::AcqRel);
    }
}

#[derive(Deserialize)]
struct Kept {
    value: Option<SecretText>,
}

#[derive(Deserialize)]
struct Done {}

impl AskedTokens {
    pub(super) fn new(asker: Asker, patience: Duration) -> Self {
        Self { asker, patience, locks: Arc::default() }
    }

    async fn ask<T: DeserializeOwned>(&self, question: &Question<'_>) -> std::result::Result<T, NotAnswered> {
        match self.locks.load(Ordering::Acquire) {
            0 => self.asker.ask(question, Some(self.patience)).await,
            _ => self.asker.ask_to_the_end(question, self.patience).await,
        }
    }
}

impl TokenStore for AskedTokens {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        Box::pin(async move {
            let kept: Kept = self.ask(&Question::ReadTokens { key }).await.map_err(failed("read"))?;
            Ok(kept.value.map(|SecretText(value)| value))
        })
    }

    fn write<'a>(&'a self, key: &'a str, value: Option<Secret>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let question = Question::WriteTokens { key, value: value.as_ref().map(Secret::expose) };
            let Done {} = self.ask(&question).await.map_err(failed("written"))?;
            Ok(())
        })
    }

    fn lock<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<TokenLock>> {
        Box::pin(async move {
            let held = self.asker.hold(&Question::LockTokens { key }).await.map_err(failed("locked"))?;
            self.locks.fetch_add(1, Ordering::AcqRel);
            Ok(TokenLock::new(Lock { _held: held, locks: self.locks.clone() }))
        })
    }
}

fn failed(doing: &str) -> impl FnOnce(NotAnswered) -> Error {
    move |why| why.into_error(&format!("the program's tokens could not be {doing}"))
}
