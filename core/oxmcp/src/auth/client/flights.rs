use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

/// Errands that are under way. Whoever wants the same as somebody else joins them, and has the same of it. An errand goes on as long as anybody
/// waits for it, whoever began it.
pub(super) struct Flights<E, T: Clone> {
    under_way: Mutex<Vec<(E, Weak<T>)>>,
}

type Weak<T> = WeakShared<BoxFuture<'static, T>>;

impl<E, T: Clone> Default for Flights<E, T> {
    fn default() -> Self {
        Self { under_way: Mutex::default() }
    }
}

impl<E: PartialEq, T: Clone> Flights<E, T> {
    /// The errand, and whether it has just begun.
    pub(super) fn join(
        &self,
        errand: E,
        begin: impl FnOnce(&E) -> BoxFuture<'static, T>,
    ) -> (Shared<BoxFuture<'static, T>>, bool) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let mut joined = None;
        under_way.retain(|(known, flight)| {
            // Who comes when it is done begins anew: what came of it is not that of now.
            let Some(flight) = flight.upgrade().filter(|flight| flight.peek().is_none()) else {
                return false;
            };
            if *known == errand {
                joined = Some(flight);
            }
            true
        });
        if let Some(joined) = joined {
            return (joined, false);
        }
        let flight = begin(&errand).shared();
        under_way.extend(flight.downgrade().map(|weak| (errand, weak)));
        (flight, true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::poll;
    use tokio::sync::Notify;

    use super::*;

    #[derive(Clone, Default)]
    struct Errands {
        flights: Arc<Flights<&'static str, usize>>,
        runs: Arc<AtomicUsize>,
        done: Arc<Notify>,
    }

    impl Errands {
        fn join(&self, errand: &'static str) -> (Shared<BoxFuture<'static, usize>>, bool) {
            self.flights.join(errand, |_| {
                let (runs, done) = (self.runs.clone(), self.done.clone());
                async move {
                    let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
                    done.notified().await;
                    run
                }
                .boxed()
            })
        }
    }

    #[tokio::test]
    async fn who_wants_the_same_joins_and_who_comes_later_begins_anew() {
        let errands = Errands::default();
        let ((mut one, begins), (other, also_begins), (third, third_begins)) =
            (errands.join("a"), errands.join("a"), errands.join("b"));
        assert!(begins && !also_begins && third_begins);
        assert!(poll!(&mut one).is_pending());
        errands.done.notify_one();
        assert_eq!((one.await, other.await), (1, 1));
        let (again, begins) = errands.join("a");
        assert!(begins);
        errands.done.notify_one();
        assert_eq!(again.await, 2);
        errands.done.notify_one();
        assert_eq!(third.await, 3);
    }

    #[tokio::test]
    async fn an_errand_goes_on_for_who_is_left_and_ends_with_the_last() {
        let errands = Errands::default();
        let ((mut first, _), (mut second, _)) = (errands.join("a"), errands.join("a"));
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
        drop(first);
        errands.done.notify_one();
        assert_eq!(second.await, 1);
        let (mut alone, _) = errands.join("a");
        assert!(poll!(&mut alone).is_pending());
        drop(alone);
        let (anew, begins) = errands.join("a");
        assert!(begins);
        errands.done.notify_one();
        assert_eq!(anew.await, 3);
    }
}
