use super::HttpSession;
use crate::Result;
use crate::store::StoredEvent;
use crate::transport::http::event_body::EventBody;
use crate::transport::http::event_id::EventId;
use crate::transport::http::outbox::Reader;
use crate::transport::http::sse::KEEP_ALIVE;

/// What a client gets that comes back to a stream.
pub(in crate::transport::http) enum Resumed {
    /// The stream goes on.
    Stream(EventBody),
    /// It is at its end; these events are what was missed.
    Rest(Vec<u8>),
}

/// A stream that is another connection's from now on.
struct TakenOver {
    reader: Reader,
    is_listening: bool,
    /// The number of the last event that is not on its way to the reader.
    last: u64,
    /// Events up to that one which are perhaps not in the store yet.
    unkept: Vec<StoredEvent>,
}

impl HttpSession {
    /// Resumes a stream after an event: what was sent since then, and whatever comes. `None` when nothing is left of it.
    ///
    /// # Errors
    ///
    /// That the event store failed; whoever comes back may have more luck.
    pub(in crate::transport::http) async fn resume(&self, after: EventId) -> Result<Option<Resumed>> {
        let Some(resumption) = self.resumption() else { return Ok(None) };
        if after.stream.session != self.key {
            return Ok(None);
        }
        let taken_over = self.take_over(after.stream.stream);
        let mut missed = resumption.replay(after.stream, after.number).await?;
        let taken_over = taken_over.map(|TakenOver { reader, is_listening, last, unkept }| {
            // What is newer comes from the outbox.
            missed.retain(|event| event.number <= last);
            let newest = missed.last().map_or(after.number, |event| event.number);
            missed.extend(unkept.into_iter().filter(|event| event.number > newest));
            (reader, is_listening)
        });
        let events = |greeting: Option<Vec<u8>>| {
            let mut events = greeting.unwrap_or_default();
            for event in &missed {
                EventId { number: event.number, ..after }.write_event(&event.message, &mut events);
            }
            events
        };
        let Some((reader, is_listening)) = taken_over else {
            return Ok((!missed.is_empty()).then(|| Resumed::Rest(events(None))));
        };
        let telling = is_listening.then(|| self.tell_changes(&reader.outbox));
        let mut events = events(reader.outbox.greeting(after.number));
        if events.is_empty() {
            events.extend_from_slice(KEEP_ALIVE);
        }
        let stream = EventBody::resumed(reader, events);
        Ok(Some(Resumed::Stream(match telling {
            Some(telling) => stream.with_work(telling),
            None => stream,
        })))
    }

    /// Takes the stream with a number over for another connection, if it is not at its end. From here on, what is sent comes after what waited.
    fn take_over(&self, number: u64) -> Option<TakenOver> {
        let mut state = self.state();
        let listening = state.listeners.stream(number).cloned();
        let is_listening = listening.is_some();
        let outbox = listening.or_else(|| {
            let mut outboxes = state.flights.values().filter_map(|flight| Some(&flight.work.as_ref()?.1));
            outboxes.find(|outbox| outbox.stream() == Some(number)).cloned()
        })?;
        let (reader, last, unkept) = outbox.take_over();
        if is_listening {
            state.listeners.hand_over(&outbox);
        }
        drop(state);
        outbox.keep();
        Some(TakenOver { reader, is_listening, last, unkept })
    }
}
