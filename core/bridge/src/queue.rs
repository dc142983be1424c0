use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::event::Event;

type Wake = Box<dyn Fn() + Send + Sync>;

/// Where the core leaves what a binding should know.
///
/// A binding drains it on a thread of its own choosing (an event loop's, usually). The wake-up given to
/// [`Queue::new`] is called when the queue turns from empty to non-empty, from a thread of the core, with no lock
/// held; it must return quickly and may do no more than signal. Between that signal and the drain no further
/// wake-up comes, so a burst of events costs one.
///
/// Its length is bounded by what its producers have outstanding: one settling event per submitted operation, one
/// call and one cancellation per call in flight. Progress is advisory and is dropped while the queue holds more
/// than [`Queue::PROGRESS_LIMIT`] events.
///
/// ```
/// use std::time::Duration;
/// use oxmcp_bridge::Queue;
///
/// let queue = Queue::new(None);
/// assert!(!queue.wait(Some(Duration::from_millis(1))));
/// assert!(queue.drain(64).is_empty());
/// ```
pub struct Queue {
    inner: Mutex<Inner>,
    arrived: Condvar,
    wake: Option<Wake>,
}

#[derive(Default)]
struct Inner {
    events: VecDeque<Event>,
    closed: bool,
}

impl Queue {
    /// The number of waiting events past which progress is dropped.
    pub const PROGRESS_LIMIT: usize = 16 * 1024;

    /// Makes an empty queue. Without a wake-up it is for a thread that blocks in [`wait`](Self::wait).
    pub fn new(wake: Option<Wake>) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), arrived: Condvar::new(), wake })
    }

    /// Takes up to `max` events, oldest first. When it returns `max` there may be more: drain again later without
    /// waiting for a wake-up.
    pub fn drain(&self, max: usize) -> Vec<Event> {
        let mut inner = self.lock();
        let count = inner.events.len().min(max);
        inner.events.drain(..count).collect()
    }

    /// Blocks the calling thread until the queue is non-empty (true), closed or `timeout` has passed (false unless
    /// something came). Without a timeout it waits as long as it takes.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut inner = self.lock();
        while inner.events.is_empty() && !inner.closed {
            inner = match until {
                None => self.arrived.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    self.arrived.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        !inner.events.is_empty()
    }

    /// Drops what is waiting and what still comes; wakes every waiter. For a binding whose event loop is gone.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.events = VecDeque::new();
        drop(inner);
        self.arrived.notify_all();
    }

    /// Adds an event that must arrive. False when the queue is closed.
    pub(crate) fn push(&self, event: Event) -> bool {
        self.add(event, usize::MAX)
    }

    /// Adds an event that may be dropped when nobody keeps up.
    pub(crate) fn push_advisory(&self, event: Event) {
        self.add(event, Self::PROGRESS_LIMIT);
    }

    fn add(&self, event: Event, limit: usize) -> bool {
        let mut inner = self.lock();
        if inner.closed || inner.events.len() >= limit {
            return false;
        }
        let was_empty = inner.events.is_empty();
        inner.events.push_back(event);
        drop(inner);
        if was_empty {
            self.arrived.notify_all();
            if let Some(wake) = &self.wake {
                wake();
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.lock().events.len()).finish_non_exhaustive()
    }
}
