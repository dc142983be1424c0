//! Time that passes when a test says so.

use std::sync::mpsc;
use std::time::Duration;

/// A clock that goes on only when it is told to, for as long as this lives. A runtime whose clock is paused skips the time in which it has
/// nothing to do, unless a thread of its own is at work.
pub(crate) struct StoppedClock {
    _work: mpsc::Sender<()>,
}

impl StoppedClock {
    pub(crate) fn new() -> Self {
        tokio::time::pause();
        let (work, done) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || done.recv());
        Self { _work: work }
    }

    pub(crate) async fn advance(&self, seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }
}
