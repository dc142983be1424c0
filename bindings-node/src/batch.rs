use std::collections::VecDeque;

use bytes::Bytes;
use napi::bindgen_prelude::{ToNapiValue, TypeName, ValueType};
use napi::{Env, JsValue, Result, sys};
use oxmcp_bridge::{Error, ErrorKind, Event, EventKind, Queue};

/// Most events of one batch: it bounds how long the event loop is away from its other work.
const MAX_EVENTS: usize = 512;

/// Size past which a batch takes no further event, in bytes.
const FULL_BYTES: usize = 8 * 1024 * 1024;

/// Largest payload that becomes a JavaScript string, in bytes. V8 allows a little under 512 MiB.
const MAX_PAYLOAD_BYTES: usize = 500 * 1024 * 1024;

/// Events on their way to JavaScript as one JSON text, `[more, kind, id, target, payload, kind, ...]`: a flat array,
/// so that parsing makes no object per event. `more` is 1 when events were left for another batch, else 0.
pub struct Batch {
    json: Vec<u8>,
}

impl Batch {
    /// Takes the next events of `queue`; those that did not fit before wait in `left`. None when there are none.
    pub(crate) fn take(queue: &Queue, left: &mut VecDeque<Event>) -> Option<Self> {
        if left.is_empty() {
            left.extend(queue.drain(MAX_EVENTS));
        }
        let full = left.len() >= MAX_EVENTS;
        let mut batch = Self { json: b"[0".to_vec() };
        while batch.json.len() < FULL_BYTES {
            let Some(event) = left.pop_front() else { break };
            batch.push(event);
        }
        if batch.json.len() == 2 {
            return None;
        }
        if full || !left.is_empty() {
            batch.json[1] = b'1';
        }
        batch.json.push(b']');
        Some(batch)
    }

    fn push(&mut self, event: Event) {
        let event = if event.json.len() > MAX_PAYLOAD_BYTES { oversized(event) } else { event };
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

impl TypeName for Batch {
    fn type_name() -> &'static str {
        "string"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ToNapiValue for Batch {
    unsafe fn to_napi_value(env: sys::napi_env, batch: Self) -> Result<sys::napi_value> {
        let env = Env::from_raw(env);
        // One-byte strings are made by a plain copy; anything else has to be decoded.
        if batch.json.is_ascii() {
            return Ok(env.create_string_latin1(&batch.json)?.raw());
        }
        Ok(env.create_string(String::from_utf8_lossy(&batch.json))?.raw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, id: u64, json: &'static str) -> Event {
        Event { kind, id, target: 7, json: Bytes::from_static(json.as_bytes()) }
    }

    fn text(batch: Option<Batch>) -> String {
        String::from_utf8(batch.expect("a batch").json).expect("UTF-8")
    }

    #[test]
    fn events_become_one_flat_array() {
        let queue = Queue::new(None);
        let mut left = VecDeque::from([
            event(EventKind::ToolCall, 4, r#"{"a":1}"#),
            event(EventKind::CallCancelled, 4, ""),
        ]);
        assert_eq!(text(Batch::take(&queue, &mut left)), r#"[0,4,4,7,{"a":1},5,4,7,null]"#);
        assert!(Batch::take(&queue, &mut left).is_none());
    }

    #[test]
    fn a_batch_stops_growing_past_its_limit_and_says_so() {
        let queue = Queue::new(None);
        let large = Bytes::from(vec![b'1'; FULL_BYTES]);
        let mut left: VecDeque<Event> = (0..2)
            .map(|id| Event { kind: EventKind::Completed, id, target: 0, json: large.clone() })
            .collect();
        assert!(text(Batch::take(&queue, &mut left)).starts_with("[1,1,0,0,"));
        assert!(text(Batch::take(&queue, &mut left)).starts_with("[0,1,1,0,"));
        assert!(left.is_empty());
    }
}
