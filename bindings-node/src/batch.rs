use std::collections::VecDeque;

use bytes::Bytes;
use oxmcp_bridge::{Error, ErrorKind, Event, EventKind, Queue};

/// Most events of one batch: it bounds how long the event loop is away from its other work.
const MAX_EVENTS: usize = 512;

/// Size past which a batch takes no further event, in bytes.
const FULL_BYTES: usize = 8 * 1024 * 1024;

/// Largest payload that becomes a JavaScript string, in bytes. V8 allows a little under 512 MiB.
const MAX_PAYLOAD_BYTES: usize = 500 * 1024 * 1024;

/// Largest buffer that is kept from one batch to the next, in bytes.
const KEPT_BYTES: usize = 1024 * 1024;

/// Writes events for JavaScript as one JSON text, `[more, kind, id, target, payload, kind, ...]`: a flat array, so that
/// parsing makes no object per event. `more` is 1 when events were left for another batch, else 0.
#[derive(Default)]
pub(crate) struct Batch {
    /// Events that were drained but did not fit the last batch.
    left: VecDeque<Event>,
    json: Vec<u8>,
}

impl Batch {
    /// The next events of `queue`; None when there are none.
    pub(crate) fn take(&mut self, queue: &Queue) -> Option<&[u8]> {
        if self.left.is_empty() {
            self.left.extend(queue.drain(MAX_EVENTS));
        }
        let full = self.left.len() >= MAX_EVENTS;
        self.json.clear();
        self.json.shrink_to(KEPT_BYTES);
        self.json.extend_from_slice(b"[0");
        while self.json.len() < FULL_BYTES {
            let Some(event) = self.left.pop_front() else { break };
            self.push(event);
        }
        if self.json.len() == 2 {
            return None;
        }
        if full || !self.left.is_empty() {
            self.json[1] = b'1';
        }
        self.json.push(b']');
        Some(&self.json)
    }

    fn push(&mut self, event: Event) {
        let event = if event.json.len() > MAX_PAYLOAD_BYTES { oversized(event) } else { event };
        self.json.reserve(event.json.len() + 64);
        let mut digits = itoa::Buffer::new();
        for number in [event.kind as u64, event.id, event.target] {
            self.json.push(b',');
            self.json.extend_from_slice(digits.format(number).as_bytes());
        }
        self.json.push(b',');
        self.json.extend_from_slice(if event.json.is_empty() { b"null" } else { &event.json });
    }
}

/// What an event becomes whose payload no JavaScript string can hold.
fn oversized(event: Event) -> Event {
    let error = Error::new(
        ErrorKind::TooLarge,
        format!("{} bytes were received, more than a JavaScript string can hold", event.json.len()),
    );
    match event.kind {
        EventKind::Completed | EventKind::Failed => {
            Event { kind: EventKind::Failed, json: error.to_json(), ..event }
        }
        _ => Event { json: Bytes::new(), ..event },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, id: u64, json: &'static str) -> Event {
        Event { kind, id, target: 7, json: Bytes::from_static(json.as_bytes()) }
    }

    fn text(batch: &mut Batch) -> Option<String> {
        let json = batch.take(&Queue::new(None))?;
        Some(str::from_utf8(json).expect("UTF-8").to_owned())
    }

    #[test]
    fn events_become_one_flat_array() {
        let mut batch = Batch::default();
        batch.left.push_back(event(EventKind::ToolCall, 4, r#"{"a":1}"#));
        batch.left.push_back(event(EventKind::CallCancelled, 4, ""));
        assert_eq!(text(&mut batch).as_deref(), Some(r#"[0,4,4,7,{"a":1},5,4,7,null]"#));
        assert_eq!(text(&mut batch), None);
    }

    #[test]
    fn a_batch_stops_growing_past_its_limit_and_says_so() {
        let large = Bytes::from(vec![b'1'; FULL_BYTES]);
        let mut batch = Batch::default();
        for id in 0..2 {
            batch.left.push_back(Event { kind: EventKind::Completed, id, target: 0, json: large.clone() });
        }
        assert!(text(&mut batch).is_some_and(|json| json.starts_with("[1,1,0,0,")));
        assert!(text(&mut batch).is_some_and(|json| json.starts_with("[0,1,1,0,")));
        assert_eq!(text(&mut batch), None);
    }
}
