use std::collections::VecDeque;
use std::sync::{Mutex as Lock, MutexGuard as LockGuard, PoisonError};

use tokio::sync::{Mutex, MutexGuard};

use crate::{Error, Result};

/// Failures that are remembered for those who wait. There are as many as errands that differ, and only a few do.
const MAX_FAILURES: usize = 16;

/// Lets one at a time do its errand, with a `T` to go by. Who has waited while the same errand of somebody else failed need not try it again.
pub(super) struct Turns<T, E> {
    held: Mutex<T>,
    failures: Lock<Failures<E>>,
}

struct Failures<E> {
    /// How many there were in all.
    count: u64,
    /// The last of them, with their numbers; one of each errand.
    last: VecDeque<(u64, E, Error)>,
}

/// One turn, until it is dropped.
pub(super) struct Turn<'a, T, E> {
    pub(super) held: MutexGuard<'a, T>,
    turns: &'a Turns<T, E>,
    errand: E,
    failures_before: u64,
}

impl<T: Default, E> Default for Turns<T, E> {
    fn default() -> Self {
        let failures = Failures { count: 0, last: VecDeque::new() };
        Self { held: Mutex::default(), failures: Lock::new(failures) }
    }
}

impl<T, E: PartialEq> Turns<T, E> {
    /// Waits until nobody else has a turn.
    pub(super) async fn wait(&self, errand: E) -> Turn<'_, T, E> {
        let failures_before = self.failures().count;
        Turn { held: self.held.lock().await, turns: self, errand, failures_before }
    }

    fn failures(&self) -> LockGuard<'_, Failures<E>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, E: PartialEq> Turn<'_, T, E> {
    /// Fails if the same errand of somebody else did while this turn was waited for.
    pub(super) fn check(&self) -> Result<()> {
        let failures = self.turns.failures();
        let mut last = failures.last.iter();
        let same = last.find(|(number, errand, _)| *number > self.failures_before && *errand == self.errand);
        same.map_or(Ok(()), |(_, _, error)| Err(error.clone()))
    }

    /// Ends the turn, and tells those who wait what has failed.
    pub(super) fn end<R>(self, result: Result<R>) -> Result<R> {
        if let Err(error) = &result {
            let mut failures = self.turns.failures();
            failures.count += 1;
            let number = failures.count;
            failures.last.retain(|(_, errand, _)| *errand != self.errand);
            if failures.last.len() >= MAX_FAILURES {
                failures.last.pop_front();
            }
            failures.last.push_back((number, self.errand, error.clone()));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;

    use super::*;
    use crate::ErrorKind;

    /// Counts the errands that are run, which fail when everybody waits.
    struct Errands {
        turns: Turns<(), &'static str>,
        runs: Cell<usize>,
    }

    impl Errands {
        fn new() -> Self {
            Self { turns: Turns::default(), runs: Cell::new(0) }
        }

        async fn run(&self, errand: &'static str) -> Result<()> {
            let turn = self.turns.wait(errand).await;
            turn.check()?;
            tokio::task::yield_now().await;
            self.runs.set(self.runs.get() + 1);
            let failure = Error::new(ErrorKind::Connect, format!("{errand} {}", self.runs.get()));
            turn.end(Err(failure))
        }

        async fn errors(&self, errands: &[&'static str]) -> Vec<String> {
            let ran = join_all(errands.iter().map(|errand| self.run(errand))).await;
            ran.into_iter().map(|ran| ran.unwrap_err().to_string()).collect()
        }
    }

    #[tokio::test]
    async fn a_failure_is_shared_by_those_who_waited_for_the_same() {
        let errands = Errands::new();
        assert_eq!(errands.errors(&["a", "b", "a", "b", "a"]).await, ["a 1", "b 2", "a 1", "b 2", "a 1"]);
        // Who comes later tries it again.
        assert_eq!(errands.errors(&["a", "a"]).await, ["a 3", "a 3"]);
        assert_eq!(errands.runs.get(), 3);
    }

    #[tokio::test]
    async fn a_turn_that_is_dropped_is_no_failure() {
        let errands = Errands::new();
        let dropped = errands.turns.wait("a").await;
        let mut waiting = Box::pin(errands.run("a"));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(dropped);
        assert_eq!(waiting.await.unwrap_err().to_string(), "a 1");
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let errands: Turns<(), usize> = Turns::default();
        for errand in 0..2 * MAX_FAILURES {
            let turn = errands.wait(errand).await;
            assert!(turn.end(Err::<(), _>(Error::misuse("no"))).is_err());
        }
        assert_eq!(errands.failures().last.len(), MAX_FAILURES);
    }
}
