use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use crate::{Error, ErrorKind, Result};

/// Waits for `what`, which is the user's code, for so long at most, and survives its panics.
///
/// # Errors
///
/// What it says, [`Timeout`](ErrorKind::Timeout) if it takes too long, and [`Internal`](ErrorKind::Internal) if it panics.
pub(super) async fn settled<T, F>(what: &str, patience: Duration, call: impl FnOnce() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let work = AssertUnwindSafe(async move { call().await }).catch_unwind();
    match tokio::time::timeout(patience, work).await {
        Ok(Ok(done)) => done,
        // What a panic says may hold what it was given: tokens.
        Ok(Err(_)) => {
            tracing::error!(what, "the user's code panicked");
            Err(Error::new(ErrorKind::Internal, format!("{what} panicked")))
        }
        Err(_) => Err(Error::new(ErrorKind::Timeout, format!("{what} took longer than {patience:?}"))),
    }
}
