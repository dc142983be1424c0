use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustc_hash::FxHashMap;

use super::{Kinds, Listener};
use crate::server::List;

/// Where what changes becomes known to whoever listens: sessions and subscriptions, over whatever transport. It holds nobody: a listener that
/// is gone is forgotten.
#[derive(Debug, Default)]
pub(in crate::server) struct Hub {
    listeners: Mutex<Listeners>,
    /// The open `subscriptions/listen`.
    subscriptions: AtomicUsize,
    /// Whether the program says when resources change.
    tells_updates: AtomicBool,
}

#[derive(Debug, Default)]
struct Listeners {
    by_number: FxHashMap<u64, Weak<Listener>>,
    next_number: u64,
}

impl Hub {
    /// Lets a listener hear of kinds of changes, for as long as it is held. It keeps at most so many URIs.
    pub(in crate::server) fn listen(self: &Arc<Self>, kinds: Kinds, max_uris: usize) -> Arc<Listener> {
        let mut listeners = self.listeners();
        let number = listeners.next_number;
        listeners.next_number += 1;
        let listener = Arc::new(Listener::new(self, number, kinds, max_uris));
        listeners.by_number.insert(number, Arc::downgrade(&listener));
        listener
    }

    /// Forgets a listener.
    pub(super) fn leave(&self, number: u64) {
        self.listeners().by_number.remove(&number);
    }

    /// Counts a subscription in, unless there are too many.
    pub(super) fn admit(self: &Arc<Self>, limit: usize) -> Option<Admission> {
        let count = self.subscriptions.fetch_add(1, Ordering::Relaxed);
        let admission = Admission(self.clone());
        (count < limit).then_some(admission)
    }

    /// Tells that a list has changed.
    pub(in crate::server) fn changed(&self, list: List) {
        for listener in self.all() {
            listener.list_changed(list);
        }
    }

    /// Tells that a resource has changed.
    pub(in crate::server) fn updated(&self, uri: &str) {
        if !self.tells_updates() {
            tracing::debug!(
                uri,
                "a resource was updated, but the server does not say that it tells of updates"
            );
            return;
        }
        for listener in self.all() {
            listener.updated(uri);
        }
    }

    /// Says that the program tells when resources change.
    pub(in crate::server) fn tell_updates(&self) {
        self.tells_updates.store(true, Ordering::Relaxed);
    }

    /// Whether the program says when resources change.
    pub(in crate::server) fn tells_updates(&self) -> bool {
        self.tells_updates.load(Ordering::Relaxed)
    }

    /// Everybody, so that nobody is told of anything under the lock.
    fn all(&self) -> Vec<Arc<Listener>> {
        self.listeners().by_number.values().filter_map(Weak::upgrade).collect()
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A subscription that counts among those that are open until it is dropped.
pub(super) struct Admission(Arc<Hub>);

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_gone_is_forgotten() {
        let hub = Arc::<Hub>::default();
        for _ in 0..1000 {
            let first = hub.listen(Kinds::default(), 1);
            let second = hub.listen(Kinds::default(), 1);
            drop(first);
            assert_eq!(hub.listeners().by_number.len(), 1);
            drop(second);
        }
        assert!(hub.listeners().by_number.is_empty());
    }

    #[test]
    fn so_many_subscriptions_are_open_at_once() {
        let hub = Arc::<Hub>::default();
        let first = hub.admit(1);
        assert!(first.is_some() && hub.admit(1).is_none());
        drop(first);
        assert!(hub.admit(1).is_some());
    }
}
