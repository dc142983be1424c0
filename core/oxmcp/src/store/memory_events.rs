use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use rustc_hash::FxHashMap;

use super::{EventStore, SessionKey, StoredEvent, StreamId};

/// What an event costs beside its message, in bytes, roughly.
const OVERHEAD: usize = 96;

/// Keeps events in memory. When there are too many, the oldest go: of the stream first that has too many of its own, then of all.
#[derive(Debug)]
pub struct MemoryEvents {
    state: Mutex<State>,
    bytes: usize,
    stream_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    sessions: FxHashMap<SessionKey, FxHashMap<u64, Stream>>,
    /// Every event in the order in which they came. Some are gone already.
    order: VecDeque<(StreamId, u64)>,
    /// How many events there are, and what they cost.
    count: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Stream {
    events: VecDeque<StoredEvent>,
    bytes: usize,
}

impl MemoryEvents {
    /// What all events may cost in bytes. Default 64 MiB.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// What the events of one stream may cost in bytes. A message that is larger is not kept. Default 4 MiB.
    pub fn stream_bytes(mut self, bytes: usize) -> Self {
        self.stream_bytes = bytes;
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryEvents {
    fn default() -> Self {
        Self { state: Mutex::default(), bytes: 64 << 20, stream_bytes: 4 << 20 }
    }
}

impl EventStore for MemoryEvents {
    fn append(&self, stream: StreamId, event: StoredEvent) {
        let cost = cost(&event);
        let mut state = self.state();
        state.make_room_in(stream, self.stream_bytes.saturating_sub(cost));
        if cost > self.stream_bytes.min(self.bytes) {
            return;
        }
        state.make_room(self.bytes - cost);
        state.push(stream, event, cost);
    }

    fn replay(&self, stream: StreamId, after: u64) -> BoxFuture<'_, Vec<StoredEvent>> {
        let state = self.state();
        let kept = state.sessions.get(&stream.session).and_then(|streams| streams.get(&stream.stream));
        let events = kept.map(|kept| kept.events.iter().filter(|event| event.number > after).cloned());
        Box::pin(std::future::ready(events.map(Iterator::collect).unwrap_or_default()))
    }

    fn remove(&self, stream: StreamId) {
        self.state().make_room_in(stream, 0);
    }

    fn remove_session(&self, session: SessionKey) {
        let mut state = self.state();
        let Some(streams) = state.sessions.remove(&session) else { return };
        for stream in streams.into_values() {
            state.count -= stream.events.len();
            state.bytes -= stream.bytes;
        }
        state.prune();
    }
}

fn cost(event: &StoredEvent) -> usize {
    event.message.len() + OVERHEAD
}

impl State {
    fn push(&mut self, id: StreamId, event: StoredEvent, cost: usize) {
        self.order.push_back((id, event.number));
        let stream = self.sessions.entry(id.session).or_default().entry(id.stream).or_default();
        stream.events.push_back(event);
        stream.bytes += cost;
        self.bytes += cost;
        self.count += 1;
    }

    /// Forgets the oldest events of a stream until the rest costs no more than `bytes`.
    fn make_room_in(&mut self, id: StreamId, bytes: usize) {
        while self.stream(id).is_some_and(|stream| stream.bytes > bytes) {
            self.pop(id);
        }
        self.prune();
    }

    /// Forgets the oldest events of all until the rest costs no more than `bytes`.
    fn make_room(&mut self, bytes: usize) {
        while self.bytes > bytes {
            let Some((id, number)) = self.order.pop_front() else { return };
            let oldest = self.stream(id).and_then(|stream| stream.events.front());
            if oldest.is_some_and(|oldest| oldest.number == number) {
                self.pop(id);
            }
        }
    }

    fn stream(&self, id: StreamId) -> Option<&Stream> {
        self.sessions.get(&id.session)?.get(&id.stream)
    }

    /// Forgets the oldest event of a stream, and the stream and session that have none left.
    fn pop(&mut self, id: StreamId) {
        let Some(streams) = self.sessions.get_mut(&id.session) else { return };
        let Some(stream) = streams.get_mut(&id.stream) else { return };
        if let Some(event) = stream.events.pop_front() {
            let cost = cost(&event);
            stream.bytes -= cost;
            self.bytes -= cost;
            self.count -= 1;
        }
        if stream.events.is_empty() {
            streams.remove(&id.stream);
            if streams.is_empty() {
                self.sessions.remove(&id.session);
            }
        }
    }

    /// Keeps the entries of events that are gone from piling up.
    fn prune(&mut self) {
        if self.order.len() <= 2 * self.count + 64 {
            return;
        }
        let sessions = &self.sessions;
        self.order.retain(|(id, number)| {
            let stream = sessions.get(&id.session).and_then(|streams| streams.get(&id.stream));
            stream.and_then(|stream| stream.events.front()).is_some_and(|oldest| oldest.number <= *number)
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn stream(session: u64, stream: u64) -> StreamId {
        StreamId { session: SessionKey(session), stream }
    }

    fn append(store: &MemoryEvents, id: StreamId, number: u64, size: usize) {
        store.append(id, StoredEvent { number, message: vec![b'x'; size].into() });
    }

    fn replay(store: &MemoryEvents, id: StreamId, after: u64) -> Vec<u64> {
        let events = store.replay(id, after).now_or_never().unwrap();
        events.into_iter().map(|event| event.number).collect()
    }

    #[test]
    fn a_stream_gives_back_what_came_after_and_nothing_of_another() {
        let store = MemoryEvents::default();
        for number in 1..=4 {
            append(&store, stream(1, 1), number, 10);
            append(&store, stream(1, 2), number + 10, 10);
            append(&store, stream(2, 1), number + 20, 10);
        }
        assert_eq!(replay(&store, stream(1, 1), 0), [1, 2, 3, 4]);
        assert_eq!(replay(&store, stream(1, 1), 3), [4]);
        assert_eq!(replay(&store, stream(1, 1), 4), [0; 0]);
        assert_eq!(replay(&store, stream(2, 1), 22), [23, 24]);
        store.remove(stream(1, 1));
        store.remove_session(SessionKey(2));
        assert_eq!(replay(&store, stream(1, 1), 0), [0; 0]);
        assert_eq!(replay(&store, stream(1, 2), 0), [11, 12, 13, 14]);
        assert_eq!(replay(&store, stream(2, 1), 0), [0; 0]);
    }

    #[test]
    fn the_oldest_go_first_in_a_stream_and_in_all() {
        let one = 100 + OVERHEAD;
        let store = MemoryEvents::default().stream_bytes(3 * one).bytes(5 * one);
        for number in 1..=4 {
            append(&store, stream(1, 1), number, 100);
        }
        assert_eq!(replay(&store, stream(1, 1), 0), [2, 3, 4]);
        for number in 1..=3 {
            append(&store, stream(2, 1), number, 100);
        }
        assert_eq!(replay(&store, stream(1, 1), 0), [3, 4]);
        assert_eq!(replay(&store, stream(2, 1), 0), [1, 2, 3]);
        // What is too large is not kept, and what came before it would leave a gap.
        append(&store, stream(2, 1), 4, 3 * one);
        assert_eq!(replay(&store, stream(2, 1), 0), [0; 0]);
        assert_eq!(replay(&store, stream(1, 1), 0), [3, 4]);
    }

    #[test]
    fn nothing_is_left_of_what_was_removed() {
        let store = MemoryEvents::default().stream_bytes(1000).bytes(10_000);
        for session in 0..1000 {
            for number in 1..=20 {
                append(&store, stream(session, number % 3), number, 100);
            }
            match session % 3 {
                0 => store.remove_session(SessionKey(session)),
                1 => (0..3).for_each(|number| store.remove(stream(session, number))),
                _ => {}
            }
        }
        for session in 0..1000 {
            store.remove_session(SessionKey(session));
        }
        let state = store.state();
        assert_eq!((state.count, state.bytes, state.sessions.len()), (0, 0, 0));
        assert!(state.order.len() <= 64, "{}", state.order.len());
    }
}
