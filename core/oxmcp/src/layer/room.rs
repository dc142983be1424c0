use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use rustc_hash::FxHashMap;

/// Notifications that layers hold up at once.
pub(super) const MAX_HELD: usize = 1000;

/// Those who are woken for each place that gets free. Some of them may be gone, and some may not need it.
const WOKEN: usize = 8;

/// Those who wait for room at once. Past it all are woken: who still waits comes again.
const MAX_WAITING: usize = 4096;

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
        let full = if state.waiting.len() >= MAX_WAITING {
            std::mem::take(&mut state.waiting)
        } else {
            FxHashMap::default()
        };
        state.waiting.entry(key).or_insert_with(|| waker.clone());
        drop(state);
        full.into_values().for_each(Waker::wake);
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
        let some: Vec<_> = state.waiting.keys().take(WOKEN).copied().collect();
        let woken: Vec<_> = some.iter().filter_map(|key| state.waiting.remove(key)).collect();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn room_is_told_of_however_little_of_it_there_is() {
        let room = Arc::new(Room::default());
        let mut places: Vec<_> = std::iter::from_fn(|| room.take()).collect();
        assert_eq!(places.len(), MAX_HELD);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        assert!(room.poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(room.poll(&mut Context::from_waker(&waker)).is_pending());
        places.pop();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(room.poll(&mut Context::from_waker(&waker)).is_ready());
    }

    #[test]
    fn who_waited_and_is_gone_is_not_kept_for_ever() {
        let room = Arc::new(Room::default());
        let _places: Vec<_> = std::iter::from_fn(|| room.take()).collect();
        for _ in 0..3 * MAX_WAITING {
            // Each is another's, who never comes again.
            let waker = Waker::from(Arc::new(Woken::default()));
            assert!(room.poll(&mut Context::from_waker(&waker)).is_pending());
            assert!(room.state().waiting.len() <= MAX_WAITING);
        }
    }
}
