use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use super::standing::lock;
use crate::auth::Effort;
use crate::clock;

/// What a call of this client knows of the requests that came on its own stream: while the server waits for an answer, its silence means
/// nothing.
#[derive(Default)]
pub(super) struct Asked(OnceLock<Arc<Mutex<Waiting>>>);

/// How many of them wait for an answer, and when the last one got it.
#[derive(Default)]
struct Waiting {
    count: usize,
    until: Option<Instant>,
    /// Whether the call is over.
    is_over: bool,
}

impl Asked {
    /// When the server was last heard of, or this client last owed it something.
    pub(super) fn last_heard(&self, heard: Instant) -> Instant {
        let Some(waiting) = self.0.get() else { return heard };
        match *lock(waiting) {
            Waiting { count: 0, until, .. } => until.map_or(heard, |until| until.max(heard)),
            _ => clock::now(),
        }
    }

    pub(super) fn enter(&self) -> Owed {
        let waiting = self.0.get_or_init(Arc::default);
        lock(waiting).count += 1;
        Owed(waiting.clone())
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(waiting) = self.0.get() {
            lock(waiting).is_over = true;
        }
    }
}

/// An answer that is owed until it is dropped.
pub(super) struct Owed(Arc<Mutex<Waiting>>);

impl Owed {
    /// How far the client goes to be authorized for the answer: whoever waits for the call waits for what it needs too.
    pub(super) fn effort(&self) -> Effort {
        if lock(&self.0).is_over { Effort::Quiet } else { Effort::Full }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        let mut waiting = lock(&self.0);
        waiting.count -= 1;
        waiting.until = Some(clock::now());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_an_answer_is_not_silent() {
        const HOUR: Duration = Duration::from_secs(3600);
        let asked = Asked::default();
        let heard = clock::now();
        tokio::time::advance(HOUR).await;
        assert_eq!(asked.last_heard(heard), heard);
        let (first, second) = (asked.enter(), asked.enter());
        tokio::time::advance(HOUR).await;
        assert_eq!(asked.last_heard(heard), clock::now());
        drop(first);
        tokio::time::advance(HOUR).await;
        assert_eq!(asked.last_heard(heard), clock::now());
        drop(second);
        let answered = clock::now();
        tokio::time::advance(HOUR).await;
        assert_eq!(asked.last_heard(heard), answered);
        let heard = clock::now();
        assert_eq!(asked.last_heard(heard), heard);
    }

    #[test]
    fn no_user_is_asked_for_the_answer_to_a_call_that_is_over() {
        let asked = Asked::default();
        let owed = asked.enter();
        assert_eq!(owed.effort(), Effort::Full);
        drop(asked);
        assert_eq!(owed.effort(), Effort::Quiet);
    }
}
