use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use rustc_hash::FxHashMap;

/// Notifications that layers hold up at once.
pub(super) const MAX_HELD: usize = 1000;

/// Room for notifications that layers hold up.
#[derive(Default)]
pub(super) struct Room(Mutex<State>);

#[derive(Default)]
struct State {
    held: usize,
    /// Who waits for room, each once.
    waiting: FxHashMap<(usize, usize), Waker>,
}

/// The place of one notification, until it is dropped.
pub(super) struct Place(Arc<Room>);

impl Room {
    /// Takes a place, if there is one.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.state();
        if state.held >= MAX_HELD {
            return None;
        }
        state.held += 1;
        Some(Place(self.clone()))
    }

    /// Waits until there is room.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.held < MAX_HELD {
            return Poll::Ready(());
        }
        let waker = cx.waker();
        // Those are the same that would wake the same.
        let key = (waker.data() as usize, std::ptr::from_ref(waker.vtable()) as usize);
        state.waiting.entry(key).or_insert_with(|| waker.clone());
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.held -= 1;
        // However many wait, they are woken only when there is room for many.
        if state.held != MAX_HELD / 2 {
            return;
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }
}
