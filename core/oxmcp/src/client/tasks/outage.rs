use std::time::{Duration, Instant};

use crate::pauses::Pauses;

/// The pauses before a server is asked again that was not there.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// How long a server may not be there before its tasks are given up.
const LONGEST: Duration = Duration::from_secs(300);

/// How long a server has not been there for a request that is sent to it again and again.
pub(super) struct Outage {
    since: Option<Instant>,
    pauses: Pauses,
}

impl Outage {
    pub(super) fn new() -> Self {
        Self { since: None, pauses: Pauses::new(FIRST_PAUSE, LONGEST_PAUSE) }
    }

    /// How long to wait after a request that was sent at `sent` has failed now, in silence or not; `None` if the server was away for too
    /// long.
    pub(super) fn pause(&mut self, sent: Instant, now: Instant, was_silent: bool) -> Option<Duration> {
        let took = now.saturating_duration_since(sent);
        let began = if was_silent { sent } else { now };
        if !was_silent && took > LONGEST_PAUSE {
            // It was there, and has kept the request for a while, as it does when it is asked for what comes of a task.
            *self = Self::new();
        }
        let since = *self.since.get_or_insert(began);
        (now.saturating_duration_since(since) < LONGEST).then(|| self.pauses.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_server_that_is_away_for_long_is_given_up() {
        for (takes, was_silent) in [(Duration::ZERO, false), (60 * SECOND, true)] {
            let (mut outage, began) = (Outage::new(), Instant::now());
            let mut now = began;
            while let Some(pause) = outage.pause(now, now + takes, was_silent) {
                assert!(pause <= LONGEST_PAUSE * 3 / 2);
                now += takes + pause;
                assert!(now - began < LONGEST + takes + 2 * LONGEST_PAUSE);
            }
            assert!(now + takes - began >= LONGEST);
        }
    }

    #[test]
    fn a_request_that_was_kept_for_long_was_not_away() {
        let (mut outage, sent) = (Outage::new(), Instant::now());
        let lost = sent + 2 * LONGEST;
        assert!(outage.pause(sent, lost, false).unwrap() < SECOND);
        assert!(outage.pause(lost, lost + LONGEST - SECOND, true).is_some());
        assert!(outage.pause(lost, lost + LONGEST, true).is_none());
        assert!(outage.pause(lost, lost + LONGEST, false).is_some(), "it was there again");
    }
}
