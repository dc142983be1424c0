use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use rustc_hash::FxHashMap;

use super::{EventStore, SessionKey, StoredEvent, StreamId};

/// What an event costs beside its message, in bytes, roughly.
const OVERHEAD: usize = 96;

/// Keeps events in memory. When there are too many, the oldest go: of the stream first that has too many of its own, then of the session
/// whose events cost most. The event that was kept last is not among them: it may be the answer to a request.
#[derive(Debug)]
pub struct MemoryEvents {
    state: Mutex<State>,
    bytes: usize,
    stream_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    sessions: FxHashMap<SessionKey, Session>,
    /// What the events of each session cost.
    by_cost: BTreeSet<(usize, SessionKey)>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Session {
    streams: FxHashMap<u64, Stream>,
    /// Every event in the order in which they came, with its stream. Some are gone already.
    order: VecDeque<(u64, u64)>,
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
    /// What all events may cost in bytes. A message that is larger is not kept. Default 64 MiB.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// What the events of one stream may cost in bytes, unless it is one event alone. Default 16 MiB.
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
        Self { state: Mutex::default(), bytes: 64 << 20, stream_bytes: 16 << 20 }
    }
}

impl EventStore for MemoryEvents {
    fn append(&self, stream: StreamId, event: StoredEvent) {
        let cost = cost(&event);
        let mut state = self.state();
        // What came before an event that is not kept would leave a gap.
        state.make_room_in(stream, self.stream_bytes.min(self.bytes).saturating_sub(cost));
        if cost <= self.bytes {
            state.push(stream, event, cost);
            state.make_room(self.bytes, stream.session);
        }
    }

    fn replay(&self, stream: StreamId, after: u64) -> BoxFuture<'_, Vec<StoredEvent>> {
        let state = self.state();
        let events = state.stream(stream).map(|kept| kept.events.iter().filter(|event| event.number > after));
        let events = events.map(|events| events.cloned().collect());
        Box::pin(std::future::ready(events.unwrap_or_default()))
    }

    fn remove(&self, stream: StreamId) {
        self.state().make_room_in(stream, 0);
    }

    fn remove_session(&self, session: SessionKey) {
        self.state().remove_session(session);
    }
}

fn cost(event: &StoredEvent) -> usize {
    event.message.len() + OVERHEAD
}

impl State {
    fn push(&mut self, id: StreamId, event: StoredEvent, cost: usize) {
        self.change(id.session, |session| session.push(id.stream, event, cost));
    }

    /// Forgets the oldest events of a stream until the rest costs no more than `bytes`.
    fn make_room_in(&mut self, id: StreamId, bytes: usize) {
        if self.stream(id).is_some_and(|stream| stream.bytes > bytes) {
            self.change(id.session, |session| session.make_room_in(id.stream, bytes));
        }
    }

    /// Forgets events until the rest costs no more than `bytes`; not the last of a session that was kept just now.
    fn make_room(&mut self, bytes: usize, newest: SessionKey) {
        while self.bytes > bytes {
            let sessions = &self.sessions;
            let may_go = |key: SessionKey| key != newest || sessions.get(&key).is_some_and(|it| it.count > 1);
            let Some((_, key)) = self.by_cost.iter().rev().find(|(_, key)| may_go(*key)).copied() else {
                return;
            };
            self.change(key, Session::pop_oldest);
        }
    }

    fn remove_session(&mut self, key: SessionKey) {
        self.change(key, |session| *session = Session::default());
    }

    /// Changes what is kept of a session, and forgets the session when nothing is.
    fn change(&mut self, key: SessionKey, change: impl FnOnce(&mut Session)) {
        let session = self.sessions.entry(key).or_default();
        let before = session.bytes;
        change(session);
        let after = session.bytes;
        if session.count == 0 {
            self.sessions.remove(&key);
        }
        self.bytes = self.bytes - before + after;
        self.by_cost.remove(&(before, key));
        if after > 0 {
            self.by_cost.insert((after, key));
        }
    }

    fn stream(&self, id: StreamId) -> Option<&Stream> {
        self.sessions.get(&id.session)?.streams.get(&id.stream)
    }
}

impl Session {
    fn push(&mut self, stream: u64, event: StoredEvent, cost: usize) {
        self.order.push_back((stream, event.number));
        let stream = self.streams.entry(stream).or_default();
        stream.events.push_back(event);
        stream.bytes += cost;
        self.bytes += cost;
        self.count += 1;
    }

    fn make_room_in(&mut self, stream: u64, bytes: usize) {
        while self.streams.get(&stream).is_some_and(|stream| stream.bytes > bytes) {
            self.pop(stream);
        }
        self.prune();
    }

    /// Forgets the oldest event.
    fn pop_oldest(&mut self) {
        while let Some((stream, number)) = self.order.pop_front() {
            let oldest = self.streams.get(&stream).and_then(|stream| stream.events.front());
            if oldest.is_some_and(|oldest| oldest.number == number) {
                return self.pop(stream);
            }
        }
    }

    /// Forgets the oldest event of a stream, and the stream that has none left.
    fn pop(&mut self, number: u64) {
        let Some(stream) = self.streams.get_mut(&number) else { return };
        if let Some(event) = stream.events.pop_front() {
            let cost = cost(&event);
            stream.bytes -= cost;
            self.bytes -= cost;
            self.count -= 1;
        }
        if stream.events.is_empty() {
            self.streams.remove(&number);
        }
    }

    /// Keeps the entries of events that are gone from piling up.
    fn prune(&mut self) {
        if self.order.len() <= 2 * self.count + 64 {
            return;
        }
        let streams = &self.streams;
        self.order.retain(|(stream, number)| {
            let oldest = streams.get(stream).and_then(|stream| stream.events.front());
            oldest.is_some_and(|oldest| oldest.number <= *number)
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
    fn the_oldest_go_first_in_a_stream_and_in_the_session_that_has_most() {
        let one = 100 + OVERHEAD;
        let store = MemoryEvents::default().stream_bytes(3 * one).bytes(5 * one);
        for number in 1..=4 {
            append(&store, stream(1, 1), number, 100);
        }
        assert_eq!(replay(&store, stream(1, 1), 0), [2, 3, 4]);
        append(&store, stream(2, 1), 1, 100);
        append(&store, stream(1, 2), 1, 100);
        append(&store, stream(1, 2), 2, 100);
        assert_eq!(replay(&store, stream(1, 1), 0), [3, 4]);
        assert_eq!(replay(&store, stream(1, 2), 0), [1, 2]);
        assert_eq!(replay(&store, stream(2, 1), 0), [1]);
        // Whoever floods the store drives out what is its own.
        (3..1000).for_each(|number| append(&store, stream(1, 2), number, 100));
        assert_eq!(replay(&store, stream(2, 1), 0), [1]);
    }

    #[test]
    fn one_event_alone_may_be_as_large_as_all() {
        let one = 100 + OVERHEAD;
        let store = MemoryEvents::default().stream_bytes(2 * one).bytes(5 * one);
        append(&store, stream(1, 1), 1, 100);
        append(&store, stream(2, 1), 1, 100);
        append(&store, stream(2, 1), 2, 4 * one - OVERHEAD);
        assert_eq!(replay(&store, stream(2, 1), 0), [2], "what came before it is too much");
        assert_eq!(replay(&store, stream(1, 1), 0), [1]);
        append(&store, stream(3, 1), 1, 5 * one - OVERHEAD);
        assert_eq!(replay(&store, stream(3, 1), 0), [1]);
        assert_eq!([stream(1, 1), stream(2, 1)].map(|id| replay(&store, id, 0).len()), [0, 0]);
        // What is larger is not kept, and what came before it would leave a gap.
        append(&store, stream(3, 1), 2, 5 * one);
        assert_eq!(replay(&store, stream(3, 1), 0), [0; 0]);
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
        {
            let state = store.state();
            let entries = |session: &Session| session.order.len() <= 2 * session.count + 64;
            assert!(state.sessions.values().all(entries));
            assert_eq!(state.by_cost.len(), state.sessions.len());
            assert_eq!(state.by_cost.iter().map(|(cost, _)| cost).sum::<usize>(), state.bytes);
        }
        for session in 0..1000 {
            store.remove_session(SessionKey(session));
        }
        let state = store.state();
        assert_eq!((state.bytes, state.sessions.len(), state.by_cost.len()), (0, 0, 0));
    }
}
