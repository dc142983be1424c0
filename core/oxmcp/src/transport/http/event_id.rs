use std::fmt;
use std::io::Write;
use std::time::Duration;

use http::HeaderValue;

use super::sse::write_event;
use crate::store::{SessionKey, StreamId};

/// The id of an event: its stream, which names its session, and its place in the stream. So what a client shows as `Last-Event-ID` cannot
/// mean an event of another stream (2025-11-25, transports, "Resumability and Redelivery").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventId {
    pub(super) stream: StreamId,
    pub(super) number: u64,
}

impl EventId {
    /// Reads `Last-Event-ID`.
    pub(super) fn parse(value: &HeaderValue) -> Option<Self> {
        let mut parts = value.to_str().ok()?.trim().split('-');
        let session = parts.next().filter(|part| part.len() == 16)?;
        let session = SessionKey(u64::from_str_radix(session, 16).ok()?);
        let stream = StreamId { session, stream: parts.next()?.parse().ok()? };
        let number = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(Self { stream, number })
    }

    /// Appends the event with this id.
    pub(super) fn write_event(&self, message: &[u8], out: &mut Vec<u8>) {
        self.write_id(out);
        write_event(out, |out| out.extend_from_slice(message));
    }

    /// Appends an event without data. It tells the client after which event to resume, and how long to wait before it does.
    pub(super) fn write_greeting(&self, retry: Duration, out: &mut Vec<u8>) {
        self.write_id(out);
        // Writing to a vector never fails.
        let _ = write!(out, "retry: {}\ndata: \n\n", retry.as_millis());
    }

    fn write_id(&self, out: &mut Vec<u8>) {
        let _ = writeln!(out, "id: {self}");
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.stream, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written_and_nothing_else_is() {
        let stream = StreamId { session: SessionKey(0xab), stream: 7 };
        let id = EventId { stream, number: 42 };
        assert_eq!(id.to_string(), "00000000000000ab-7-42");
        assert_eq!(EventId::parse(&id.to_string().parse().unwrap()), Some(id));
        for other in
            ["", "7-42", "00000000000000ab-7", "00000000000000ab-7-42-1", "ab-7-42", "00000000000000ab--42"]
        {
            assert_eq!(EventId::parse(&other.parse().unwrap()), None, "{other}");
        }
    }
}
