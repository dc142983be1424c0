use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oxmcp_bridge::{Event, Queue};

use crate::guard::guard;
use crate::{FfiError, FfiEvent};

/// Where the core leaves events for one dispatcher thread of the foreign language.
///
/// That thread calls [`wait_drain`](Self::wait_drain) in a loop, resumes whoever waits for each event, and ends when
/// the queue [is shut down](Self::is_shut_down).
#[derive(Debug, uniffi::Object)]
pub struct FfiQueue {
    queue: Arc<Queue>,
    /// Events that were drained, and did not fit into the crossing.
    held: Mutex<VecDeque<Event>>,
    shut_down: AtomicBool,
}

/// The JSON that crosses at once, in bytes, unless one event alone has more. What crosses is copied into one buffer, of which
/// the JVM takes no more than 2 GiB, and some hundred events of 16 MiB each are more.
const CROSSING_BYTES: usize = 8 * 1024 * 1024;

#[uniffi::export]
impl FfiQueue {
    /// Makes an empty queue.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { queue: Queue::new(None), held: Mutex::default(), shut_down: AtomicBool::new(false) })
    }

    /// Blocks the calling thread until there are events, `timeout_ms` milliseconds have passed or the queue is shut
    /// down; takes up to `max` events, oldest first, and fewer when they are large. A negative timeout waits as long
    /// as it takes, 0 does not wait. Empty when nothing came. Only one thread may call this.
    ///
    /// Fails only through a fault of the library.
    pub fn wait_drain(&self, max: u32, timeout_ms: i64) -> Result<Vec<FfiEvent>, FfiError> {
        FfiError::attempt(|| {
            if self.held().is_empty()
                && timeout_ms != 0
                && !self.queue.wait(u64::try_from(timeout_ms).ok().map(Duration::from_millis))
            {
                return Vec::new();
            }
            self.take(usize::try_from(max).unwrap_or(usize::MAX))
        })
    }

    /// Drops what waits and what still comes, and wakes the dispatcher thread for good. Close clients and servers
    /// first, for what they still have to say is lost.
    pub fn shut_down(&self) {
        guard((), || {
            self.shut_down.store(true, Ordering::Release);
            self.queue.close();
            self.held().clear();
        });
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

    fn take(&self, max: usize) -> Vec<FfiEvent> {
        let mut held = self.held();
        if held.is_empty() {
            *held = self.queue.drain(max).into();
        }
        let count = fitting(held.iter().take(max).map(|event| event.json.len()));
        held.drain(..count).filter_map(FfiEvent::new).collect()
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many of the sizes together are no more than [`CROSSING_BYTES`]; the first always is.
fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let mut sum = 0_usize;
    sizes
        .enumerate()
        .take_while(|(index, size)| {
            sum = sum.saturating_add(*size);
            *index == 0 || sum <= CROSSING_BYTES
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_crosses_at_once_as_fits() {
        assert_eq!(fitting([].into_iter()), 0);
        assert_eq!(fitting([10, 20, 30].into_iter()), 3);
        assert_eq!(fitting([CROSSING_BYTES / 2, CROSSING_BYTES / 2, 1].into_iter()), 2);
        assert_eq!(fitting([usize::MAX, 1, usize::MAX].into_iter()), 1);
        assert_eq!(fitting([1, usize::MAX, 1].into_iter()), 1);
    }
}
