use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use oxmcp_bridge::{Process, Queue};

use super::boundary::{free, guard, made_before_fork, shared};
use super::error::oxmcp_error;
use super::event::oxmcp_event;
use super::wake::{Wake, oxmcp_wake_fn};

/// Where the operations of the oxmcp_client_start_... functions leave their events, for a program with an event loop
/// of its own. One queue serves any number of clients. It may be used from any thread.
#[derive(Debug)]
pub struct oxmcp_queue {
    queue: Arc<Queue>,
    wake: Arc<Wake>,
    process: Process,
}

impl oxmcp_queue {
    /// Whether it was made in this process, and not before a fork.
    fn is_of_this_process(&self) -> bool {
        self.process == Process::current()
    }
}

/// Makes an empty queue. `wake` is called, with `userdata`, when the queue turns from empty to not empty; NULL when
/// oxmcp_queue_fd or a timeout is enough. Free it with oxmcp_queue_free. NULL only when the library is at fault.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_queue_new(wake: oxmcp_wake_fn, userdata: *mut c_void) -> *mut oxmcp_queue {
    guard(ptr::null_mut(), || {
        let wake = Arc::new(Wake::new(wake, userdata));
        let raised = wake.clone();
        let queue = Queue::new(Some(Box::new(move || raised.raise())));
        Box::into_raw(Box::new(oxmcp_queue { queue, wake, process: Process::current() }))
    })
}

/// A file descriptor that turns readable when there is something to poll, for select, poll, epoll or kqueue. It is the
/// library's: wait for it, but neither read from it nor close it. oxmcp_queue_poll makes it unreadable again when it
/// takes everything. It may turn readable for nothing. -1 when there can be none: no descriptors left, or Windows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_queue_fd(queue: *const oxmcp_queue) -> c_int {
    // SAFETY: by contract NULL or live.
    let queue = unsafe { queue.as_ref() }.filter(|queue| queue.is_of_this_process());
    guard(-1, || queue.map_or(-1, |queue| queue.wake.descriptor()))
}

/// Takes up to `capacity` events, oldest first, writes them to `events` and returns how many they are. When there is
/// none it waits up to `timeout_ms` milliseconds; 0 does not wait, a negative number waits as long as it takes. Free
/// what each event holds with oxmcp_event_clear.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_queue_poll(
    queue: *const oxmcp_queue,
    events: *mut oxmcp_event,
    capacity: usize,
    timeout_ms: i64,
) -> usize {
    // SAFETY: by contract NULL or live.
    let Some(queue) = (unsafe { queue.as_ref() }).filter(|queue| queue.is_of_this_process()) else {
        return 0;
    };
    if events.is_null() || capacity == 0 {
        return 0;
    }
    guard(0, || {
        if timeout_ms != 0 {
            queue.queue.wait(u64::try_from(timeout_ms).ok().map(Duration::from_millis));
        }
        // First the descriptor, then the events: what comes in between makes it readable again.
        queue.wake.clear();
        let drained = queue.queue.drain(capacity);
        if drained.len() == capacity {
            queue.wake.raise_again();
        }
        let mut count = 0;
        for event in drained.into_iter().filter_map(oxmcp_event::new) {
            // SAFETY: by contract there is room for `capacity` events, and no more than that were drained.
            unsafe { events.add(count).write(event) };
            count += 1;
        }
        count
    })
}

/// Frees a queue with the events in it; those of operations under way are dropped when they come. When this returns,
/// the wake-up is not running and never will again. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_queue_free(queue: *mut oxmcp_queue) {
    guard((), || {
        // SAFETY: by contract NULL or live.
        if let Some(queue) = unsafe { queue.as_ref() } {
            if !queue.is_of_this_process() {
                // Its locks may be held by threads that are not here.
                return;
            }
            queue.wake.disarm();
            queue.queue.close();
        }
        // SAFETY: by contract owned by the caller and no longer used.
        unsafe { free(queue) }
    });
}

/// The bridge's queue of a handle that may not be NULL nor come from before a fork.
///
/// # Safety
///
/// `queue` is NULL or live.
pub(super) unsafe fn inner<'a>(queue: *const oxmcp_queue) -> Result<&'a Arc<Queue>, oxmcp_error> {
    // SAFETY: the caller's promise.
    let queue = unsafe { shared(queue, "queue")? };
    if queue.is_of_this_process() { Ok(&queue.queue) } else { Err(made_before_fork("the queue")) }
}
