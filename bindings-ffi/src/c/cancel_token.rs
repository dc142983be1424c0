use std::collections::HashMap;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oxmcp_bridge::{Client, Queue};

use super::boundary::{free, guard};
use super::error::oxmcp_error;
use super::result::oxmcp_result;

/// Cancels blocking operations from another thread. Give one to any number of operations, in their options; once it is
/// cancelled, those under way fail with OXMCP_CANCELLED and so does every later one. It may be used from any thread.
#[derive(Debug, Default)]
pub struct oxmcp_cancel_token {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    cancelled: bool,
    next: u64,
    operations: HashMap<u64, Operation>,
}

#[derive(Debug)]
struct Operation {
    client: Client,
    id: u64,
    queue: Arc<Queue>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        let operations = std::mem::take(&mut state.operations);
        drop(state);
        for Operation { client, id, queue } in operations.into_values() {
            client.cancel(id, &queue);
        }
    }
}

impl oxmcp_cancel_token {
    /// Fails when the token is cancelled already, so that nothing is started for it.
    pub(super) fn check(&self) -> Result<(), oxmcp_error> {
        if self.shared.lock().cancelled {
            return Err(oxmcp_error::new(
                oxmcp_result::OXMCP_CANCELLED,
                "the cancel token was cancelled before the call",
            ));
        }
        Ok(())
    }

    /// Lets the token cancel an operation that was just started, until what this returns is dropped. A token that was
    /// cancelled meanwhile does it at once.
    pub(super) fn watch(&self, client: &Client, id: u64, queue: &Arc<Queue>) -> Watch {
        let mut state = self.shared.lock();
        let number = state.next;
        state.next += 1;
        if state.cancelled {
            drop(state);
            client.cancel(id, queue);
        } else {
            state.operations.insert(number, Operation { client: client.clone(), id, queue: queue.clone() });
        }
        Watch { shared: self.shared.clone(), number }
    }
}

/// A token's hold on an operation.
#[must_use]
pub(super) struct Watch {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let operation = self.shared.lock().operations.remove(&self.number);
        // Not under the lock: this may be the last of the client.
        drop(operation);
    }
}

/// Makes a token. Free it with oxmcp_cancel_token_free. NULL only when the library is at fault.
#[unsafe(no_mangle)]
pub extern "C" fn oxmcp_cancel_token_new() -> *mut oxmcp_cancel_token {
    guard(ptr::null_mut(), || Box::into_raw(Box::default()))
}

/// Cancels what the token was given to. Again, and for NULL, nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_cancel_token_cancel(token: *const oxmcp_cancel_token) {
    // SAFETY: by contract NULL or live.
    if let Some(token) = unsafe { token.as_ref() } {
        guard((), || token.shared.cancel());
    }
}

/// Whether oxmcp_cancel_token_cancel was called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_cancel_token_is_cancelled(token: *const oxmcp_cancel_token) -> bool {
    // SAFETY: by contract NULL or live.
    let token = unsafe { token.as_ref() };
    guard(false, || token.is_some_and(|token| token.shared.lock().cancelled))
}

/// Frees a token; operations it was given to go on. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oxmcp_cancel_token_free(token: *mut oxmcp_cancel_token) {
    // SAFETY: by contract NULL or owned by the caller and no longer used.
    unsafe { free(token) }
}
