use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The pauses before something that failed is tried again. Each is twice the one before up to a longest, and has a random part, so that all
/// who lost the same server do not come back to it at the same moment.
#[derive(Debug)]
pub(crate) struct Pauses {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Pauses {
    /// Pauses that begin with `first` and end with `longest`, to each of which up to half is added.
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// How long to wait this time.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        with_random_half(pause)
    }

    /// Begins anew: what was tried went well.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// A pause with up to half of it added, at random; never less, for a peer may have said how long to wait at least.
pub(crate) fn with_random_half(pause: Duration) -> Duration {
    // Each of these hashers is keyed anew. That is random enough to keep clients apart.
    let random = RandomState::new().hash_one(()) >> 32;
    let half = pause / 2;
    pause.saturating_add(half.mul_f64(random as f64 / f64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(40);

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew() {
        let mut pauses = Pauses::new(FIRST, LONGEST);
        let mut expected = FIRST;
        for _ in 0..100 {
            let pause = pauses.next();
            assert!((expected..=expected * 3 / 2).contains(&pause), "{pause:?} for {expected:?}");
            expected = (expected * 2).min(LONGEST);
        }
        assert_eq!(expected, LONGEST);
        pauses.reset();
        assert!(pauses.next() < FIRST * 2);
    }

    #[test]
    fn no_two_clients_wait_equally_long() {
        let pauses: HashSet<Duration> = (0..100).map(|_| with_random_half(LONGEST)).collect();
        assert!(pauses.len() > 50, "{pauses:?}");
        let (low, high): (Vec<_>, Vec<_>) = pauses.into_iter().partition(|pause| *pause < LONGEST * 5 / 4);
        assert!(!low.is_empty() && !high.is_empty());
        assert_eq!(with_random_half(Duration::ZERO), Duration::ZERO);
        assert!(with_random_half(Duration::MAX) >= Duration::MAX - Duration::from_secs(1));
    }
}
