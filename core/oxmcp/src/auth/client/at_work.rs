use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::error::Elapsed;

use super::authorizer::Authorizer;

/// Whether somebody is being authorized, and until when.
#[derive(Default)]
pub(super) struct AtWork {
    count: AtomicUsize,
    rested: Notify,
}

impl AtWork {
    /// Says that somebody is being authorized, until what it gives is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Work {
        self.count.fetch_add(1, Ordering::AcqRel);
        Work(self.clone())
    }

    pub(super) fn is_busy(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Waits until nobody is being authorized. Whether there was something to wait for.
    pub(super) async fn rested(&self) -> bool {
        let mut waited = false;
        loop {
            let rested = self.rested.notified();
            if !self.is_busy() {
                return waited;
            }
            waited = true;
            rested.await;
        }
    }
}

/// Says when it is over that somebody is being authorized.
pub(super) struct Work(Arc<AtWork>);

impl Drop for Work {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.rested.notify_waiters();
        }
    }
}

/// Waits for `work` as long as `time`, which begins anew when somebody has been authorized meanwhile: what a user takes for that is not the
/// server's time.
///
/// # Errors
///
/// The time is over.
pub(crate) async fn within_rest<T>(
    authorizer: Option<&Authorizer>,
    time: Duration,
    work: impl Future<Output = T>,
) -> Result<T, Elapsed> {
    let mut work = pin!(work);
    loop {
        let elapsed = match tokio::time::timeout(time, work.as_mut()).await {
            Ok(done) => return Ok(done),
            Err(elapsed) => elapsed,
        };
        let Some(authorizer) = authorizer else { return Err(elapsed) };
        tokio::select! {
            done = work.as_mut() => return Ok(done),
            waited = authorizer.rested() => if !waited { return Err(elapsed) },
        }
    }
}
