use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Seconds after which something is taken never to come.
const GUARD: Duration = Duration::from_secs(60);

/// A count that can be waited for. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<(AtomicUsize, Notify)>);

impl Tally {
    pub(crate) fn add(&self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    pub(crate) fn now(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Waits until it is `count`, or more.
    pub(crate) async fn reaches(&self, count: usize) {
        let reached = async {
            loop {
                let mut changed = std::pin::pin!(self.0.1.notified());
                changed.as_mut().enable();
                if self.now() >= count {
                    return;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(GUARD, reached).await;
        assert!(waited.is_ok(), "{} came, and not {count}", self.now());
    }
}

/// Counts when it is dropped.
pub(crate) struct CountDrop(pub(crate) Tally);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.add();
    }
}
