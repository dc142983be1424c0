use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::connection::panic_words;
use crate::{Error, ErrorKind, Result};

/// Waits for a store, for so long at most, and survives its panics.
///
/// # Errors
///
/// [`Timeout`](ErrorKind::Timeout) when it takes too long, [`Internal`](ErrorKind::Internal) when it panics.
pub(crate) async fn settle<'a, T>(patience: Duration, call: impl FnOnce() -> BoxFuture<'a, T>) -> Result<T> {
    let work = AssertUnwindSafe(async move { call().await }).catch_unwind();
    match tokio::time::timeout(patience, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(panic)) => {
            tracing::error!(panic = panic_words(&*panic), "a store panicked");
            Err(Error::new(ErrorKind::Internal, "the store panicked"))
        }
        Err(_) => {
            let why = format!("the store took longer than {patience:?} (`Limits::store_wait`)");
            Err(Error::new(ErrorKind::Timeout, why))
        }
    }
}
