use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oxmcp_bridge::Queue;

use crate::FfiEvent;

/// Where the core leaves events for one dispatcher thread of the foreign language.
///
/// That thread calls [`wait_drain`](Self::wait_drain) in a loop, resumes whoever waits for each event, and ends when
/// the queue [is shut down](Self::is_shut_down).
#[derive(Debug, uniffi::Object)]
pub struct FfiQueue {
    queue: Arc<Queue>,
    shut_down: AtomicBool,
}

#[uniffi::export]
impl FfiQueue {
    /// Makes an empty queue.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { queue: Queue::new(None), shut_down: AtomicBool::new(false) })
    }

    /// Blocks the calling thread until there are events, `timeout_ms` milliseconds have passed or the queue is shut
    /// down; takes up to `max` events, oldest first. A negative timeout waits as long as it takes, 0 does not wait.
    /// Empty when nothing came.
    pub fn wait_drain(&self, max: u32, timeout_ms: i64) -> Vec<FfiEvent> {
        if timeout_ms != 0 && !self.queue.wait(u64::try_from(timeout_ms).ok().map(Duration::from_millis)) {
            return Vec::new();
        }
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        self.queue.drain(max).into_iter().map(FfiEvent::from).collect()
    }

    /// Drops what waits and what still comes, and wakes the dispatcher thread for good. Close clients and servers
    /// first, for what they still have to say is lost.
    pub fn shut_down(&self) {
        self.shut_down.store(true, Ordering::Release);
        self.queue.close();
    }

    /// Whether [`shut_down`](Self::shut_down) was called.
    pub fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Acquire)
    }
}

impl FfiQueue {
    /// The bridge's queue.
    pub(crate) fn inner(&self) -> &Arc<Queue> {
        &self.queue
    }
}
