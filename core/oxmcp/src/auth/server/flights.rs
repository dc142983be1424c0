use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use rustc_hash::FxHashMap;
use tokio::sync::Semaphore;

/// How many questions wait for their turn, for each one that is asked.
const MAX_WAITING: usize = 16;

/// What a question is about: a digest.
pub(super) type Key = [u8; 32];

/// An answer that somebody waits for, perhaps with others.
pub(super) type Flight<T> = Shared<BoxFuture<'static, T>>;

/// Questions to another server: only so many at once, and each of them once for all who want to know the same. A question goes on for as
/// long as anybody waits for its answer.
pub(super) struct Flights<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    at_once: usize,
    turns: Semaphore,
    under_way: Mutex<UnderWay<T>>,
}

struct UnderWay<T> {
    flights: FxHashMap<Key, (u64, WeakShared<BoxFuture<'static, T>>)>,
    next: u64,
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(super) fn new(at_once: usize) -> Self {
        // More than this the semaphore does not count, and the memory does not hold.
        let at_once = at_once.clamp(1, 1 << 20);
        let under_way = Mutex::new(UnderWay { flights: FxHashMap::default(), next: 0 });
        Self { inner: Arc::new(Inner { at_once, turns: Semaphore::new(at_once), under_way }) }
    }

    /// The answer to the question about `key`, which is that of who asks already, or else comes of `ask`. `None` if too many others wait.
    pub(super) fn join<F>(&self, key: Key, ask: impl FnOnce() -> F) -> Option<Flight<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut under_way = self.inner.under_way();
        if let Some(flight) = under_way.flights.get(&key).and_then(|(_, flight)| flight.upgrade()) {
            return Some(flight);
        }
        if under_way.flights.len() >= self.inner.at_once * (1 + MAX_WAITING) {
            return None;
        }
        let number = under_way.next;
        under_way.next += 1;
        let landing = Landing { inner: self.inner.clone(), key, number };
        let question = ask();
        let flight = async move {
            // Fails only where nobody can wait any more.
            let _turn = landing.inner.turns.acquire().await;
            question.await
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            under_way.flights.insert(key, (number, weak));
        }
        Some(flight)
    }
}

impl<T> Inner<T> {
    fn under_way(&self) -> std::sync::MutexGuard<'_, UnderWay<T>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a question off the table when it is answered, or when nobody waits for the answer any more.
struct Landing<T> {
    inner: Arc<Inner<T>>,
    key: Key,
    number: u64,
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        let mut under_way = self.inner.under_way();
        // Somebody else may have begun to ask the same between the last one's leaving and this.
        if under_way.flights.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            under_way.flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn key(byte: u8) -> Key {
        [byte; 32]
    }

    #[tokio::test]
    async fn whoever_asks_the_same_is_given_the_same_answer() {
        let flights = Flights::new(2);
        let one = flights.join(key(1), || ready(1)).unwrap();
        let same = flights.join(key(1), || ready(2)).unwrap();
        let other = flights.join(key(2), || ready(3)).unwrap();
        assert_eq!((one.await, same.await, other.await), (1, 1, 3));
        assert_eq!(flights.join(key(1), || ready(4)).unwrap().await, 4, "what was answered is asked anew");
        assert_eq!(flights.inner.under_way().flights.len(), 0);
    }

    #[test]
    fn there_is_room_for_so_many_and_whoever_leaves_makes_room() {
        let flights = Flights::<u8>::new(2);
        let waiting: Vec<_> = (0..34).map(|at| flights.join(key(at), pending).unwrap()).collect();
        assert!(flights.join(key(34), pending).is_none());
        assert!(flights.join(key(0), pending).is_some(), "the same takes no room");
        drop(waiting);
        assert_eq!(flights.inner.under_way().flights.len(), 0);
        assert!(flights.join(key(34), pending).is_some());
    }
}
