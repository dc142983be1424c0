use std::time::{Duration, Instant};

use http::HeaderValue;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::super::sse::{Event, SseParser, TooLarge};
use super::HttpError;
use crate::clock;
use crate::pauses::with_random_half;

/// How long a client waits before it asks for the rest of a stream, if the server did not say. It doubles with every failure.
const FIRST_RETRY: Duration = Duration::from_millis(250);

/// The longest such time.
const MAX_RETRY: Duration = Duration::from_secs(60);

/// The shortest time, whatever the server says: one that wants none would keep both sides busy.
const MIN_RETRY: Duration = Duration::from_millis(100);

/// A response that is a stream of events.
pub(crate) struct EventStream {
    body: Incoming,
    parser: SseParser,
    limit: usize,
    opened: Instant,
    /// An event came.
    has_spoken: bool,
}

impl EventStream {
    /// A stream whose events hold at most `limit` bytes of data.
    pub(super) fn new(body: Incoming, limit: usize) -> Self {
        Self { body, parser: SseParser::new(limit), limit, opened: clock::now(), has_spoken: false }
    }

    /// The next event; `None` at the end. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, HttpError> {
        loop {
            let event = self.parser.next();
            if let Some(event) = event.map_err(|TooLarge| HttpError::TooLarge { limit: self.limit })? {
                self.has_spoken = true;
                return Ok(Some(event));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame = frame.map_err(|error| HttpError::broken(&error))?;
            if let Some(piece) = frame.data_ref() {
                self.parser.push(piece);
            }
        }
    }

    pub(super) fn into_body(self) -> Incoming {
        self.body
    }
}

/// Where the reader of a stream is, over all the connections it took, and when it may ask for the rest.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    last_id: Option<HeaderValue>,
    retry: Option<Duration>,
    /// The times in a row that nothing came.
    failures: u32,
}

impl Cursor {
    /// Takes over what a connection brought, which has ended.
    pub(crate) fn follow(&mut self, events: &EventStream) {
        let parser = &events.parser;
        if let Some(id) = parser.last_id() {
            self.last_id = HeaderValue::from_bytes(id).ok().filter(|id| !id.is_empty());
        }
        self.retry = parser.retry().or(self.retry);
        // A server that tells when to come back, and after what, may well have nothing to say each time.
        let is_polled = parser.retry().is_some() && parser.last_id().is_some();
        let has_lasted = clock::now().saturating_duration_since(events.opened) >= MAX_RETRY;
        let was_of_use = events.has_spoken || is_polled || has_lasted;
        self.failures = if was_of_use { 0 } else { self.failures.saturating_add(1) };
    }

    /// Gives up what the stream had to say up to now: it cannot be had, or not be read.
    pub(crate) fn skip(&mut self) {
        self.last_id = None;
        self.fail();
    }

    /// Notes that there was no connection.
    pub(crate) fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// The event after which the stream goes on, if its events have ids.
    pub(crate) fn last_id(&self) -> Option<&HeaderValue> {
        self.last_id.as_ref()
    }

    /// How long to wait before the next connection: not less than the server wants, and not the same for everybody that it lost.
    pub(crate) fn delay(&self) -> Duration {
        with_random_half(self.least_delay())
    }

    fn least_delay(&self) -> Duration {
        let first = self.retry.unwrap_or(FIRST_RETRY).max(MIN_RETRY);
        let longest = MAX_RETRY.max(first);
        first.saturating_mul(1 << self.failures.min(16)).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(retry: Option<u64>, failures: u32) -> Duration {
        Cursor { last_id: None, retry: retry.map(Duration::from_millis), failures }.least_delay()
    }

    #[test]
    fn a_server_says_when_to_come_back() {
        assert_eq!(after(Some(500), 0), Duration::from_millis(500));
        assert_eq!(after(Some(3_600_000), 0), Duration::from_secs(3600));
        assert_eq!(after(Some(3_600_000), 5), Duration::from_secs(3600));
        assert_eq!(after(Some(0), 0), MIN_RETRY);
        assert_eq!(after(Some(u64::MAX), 1000), Duration::from_millis(u64::MAX));
    }

    #[test]
    fn whoever_fails_waits_longer_each_time_and_not_for_ever() {
        let delays: Vec<_> = (0..6).map(|failures| after(None, failures).as_millis()).collect();
        assert_eq!(delays, [250, 500, 1000, 2000, 4000, 8000]);
        for failures in [9, 100, u32::MAX] {
            assert_eq!(after(None, failures), MAX_RETRY);
            assert_eq!(after(Some(0), failures).max(MAX_RETRY), MAX_RETRY);
        }
    }
}
