use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::RequestId;
use rustc_hash::FxHashMap;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::asks::Asks;
use super::event_id::EventId;
use super::exchange::EventStream;
use super::listeners::{Delivery, Listeners};
use super::outbox::{Outbox, Reader};
use super::resumption::Resumption;
use super::sessions::Clock;
use super::sse::KEEP_ALIVE;
use crate::Result;
use crate::server::{Outcome, Session as Handshake};
use crate::store::{SessionKey, StoredEvent};

/// A session: what `initialize` settled, what is in flight both ways, and who listens. There may be many of them, so it is small.
pub(super) struct Session {
    pub(super) handshake: Arc<Handshake>,
    policy: Arc<Policy>,
    key: SessionKey,
    clock: Clock,
    last_use: AtomicU64,
    last_stream: AtomicU64,
    state: Mutex<State>,
}

/// What all sessions of a server have in common.
pub(super) struct Policy {
    pub(super) resumption: Option<Resumption>,
    /// Requests to the client of one session that wait for an answer.
    pub(super) asks: usize,
    /// How long they wait.
    pub(super) answer_within: Duration,
}

#[derive(Default)]
struct State {
    flights: FxHashMap<RequestId, Flight>,
    next_flight: u64,
    listeners: Listeners,
    asks: Asks,
    ended: bool,
}

/// A request in flight.
struct Flight {
    number: u64,
    /// Bytes of its message, if they are counted.
    bytes: usize,
    /// What runs for it and where its answer goes, once it is known that it takes time.
    work: Option<(AbortHandle, Arc<Outbox>)>,
    /// The answer is there, so another request may have the id.
    answered: bool,
}

impl Flight {
    fn abort(self) {
        if let Some((work, _)) = self.work {
            work.abort();
        }
    }

    /// Whether a client waits for it; its connection may be lost.
    fn is_awaited(&self) -> bool {
        self.work.as_ref().is_none_or(|(_, outbox)| !outbox.is_left())
    }
}

/// Why a request may not take off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grounded {
    /// The session is over.
    Ended,
    /// A request with the same id is in flight.
    Duplicate,
}

impl Session {
    pub(super) fn new(handshake: Arc<Handshake>, clock: Clock, policy: Arc<Policy>) -> Self {
        Self {
            handshake,
            policy,
            key: SessionKey(Uuid::new_v4().as_u64_pair().1),
            clock,
            last_use: AtomicU64::new(clock.now()),
            last_stream: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How its streams outlive their connections, if they do.
    pub(super) fn resumption(&self) -> Option<&Resumption> {
        self.policy.resumption.as_ref()
    }

    /// What its streams are kept under.
    pub(super) fn key(&self) -> SessionKey {
        self.key
    }

    /// A number for one more stream.
    pub(super) fn next_stream(&self) -> u64 {
        self.last_stream.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn last_use(&self) -> u64 {
        self.last_use.load(Ordering::Relaxed)
    }

    /// Says that it is used.
    pub(super) fn used(&self, now: u64) {
        self.last_use.store(now, Ordering::Relaxed);
    }

    /// Takes a request into the session, of whose message so many bytes count. It can be cancelled from now on, until the guard is dropped.
    pub(super) fn take_off(
        self: &Arc<Self>,
        id: &RequestId,
        bytes: usize,
    ) -> std::result::Result<InFlight, Grounded> {
        let mut state = self.state();
        if state.ended {
            return Err(Grounded::Ended);
        }
        let number = state.next_flight;
        let others = state.flights.len();
        let other_bytes = match bytes {
            0 => 0,
            _ => state.flights.values().map(|flight| flight.bytes).sum(),
        };
        let flight = Flight { number, bytes, work: None, answered: false };
        match state.flights.entry(id.clone()) {
            Entry::Occupied(slot) if !slot.get().answered => return Err(Grounded::Duplicate),
            slot => drop(slot.insert_entry(flight)),
        }
        state.next_flight += 1;
        drop(state);
        Ok(InFlight { session: self.clone(), id: id.clone(), number, others, other_bytes })
    }

    /// Cancels a request. Nothing happens when it is not in flight.
    pub(super) fn cancel(&self, id: &RequestId) {
        let flight = self.state().flights.remove(id);
        if let Some(flight) = flight {
            flight.abort();
        }
    }

    /// Opens a stream for listening. `None` when the session is over.
    pub(super) fn listen(self: &Arc<Self>) -> Option<Arc<Outbox>> {
        let outbox = Outbox::listening(self);
        let mut state = self.state();
        if state.ended {
            return None;
        }
        state.listeners.add(outbox.clone());
        drop(state);
        outbox.keep();
        Some(outbox)
    }

    /// Tells its client on a stream for listening what changes, for as long as that is read.
    pub(super) fn tell_changes(&self, outbox: &Arc<Outbox>) -> BoxFuture<'static, Outcome> {
        let telling = self.handshake.tell_changes(outbox.clone());
        Box::pin(async move { match telling.await {} })
    }

    /// Resumes a stream after an event: what was sent since then, and whatever comes. `None` when nothing is left of it.
    ///
    /// # Errors
    ///
    /// That the event store failed; whoever comes back may have more luck.
    pub(super) async fn resume(&self, after: EventId) -> Result<Option<Resumed>> {
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
        let stream = EventStream::resumed(reader, events);
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

    /// Sends a message that belongs to no request. False when nobody listens.
    pub(super) fn send(&self, write: impl Fn(&mut Vec<u8>)) -> bool {
        let delivery = self.state().listeners.put(write);
        match delivery {
            Delivery::On(stream) => stream.keep(),
            Delivery::Waiting => {}
            Delivery::Lost => return false,
        }
        true
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        self.state().ended
    }

    pub(super) fn with_asks<T>(&self, act: impl FnOnce(&mut Asks) -> T) -> T {
        act(&mut self.state().asks)
    }

    /// Ends the streams for listening.
    pub(super) fn end_listening(&self) {
        self.state().listeners.end();
    }

    /// Cancels everything in flight, settles what its client was asked, and ends the streams.
    pub(super) fn end(&self) {
        let (flights, asks) = {
            let mut state = self.state();
            state.ended = true;
            state.listeners.end();
            (std::mem::take(&mut state.flights), state.asks.end())
        };
        drop(asks);
        flights.into_values().for_each(Flight::abort);
        self.handshake.end();
        if let Some(resumption) = self.resumption() {
            resumption.remove_session(self.key);
        }
    }

    /// Whether a client waits for something of it right now, which counts as a use.
    pub(super) fn is_in_use(&self, now: u64) -> bool {
        let state = self.state();
        let in_use = state.listeners.any() || state.flights.values().any(Flight::is_awaited);
        if in_use {
            self.used(now);
        }
        in_use
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a request in its session's table while it is served.
pub(super) struct InFlight {
    session: Arc<Session>,
    id: RequestId,
    number: u64,
    /// Requests that were in flight in the session before it.
    pub(super) others: usize,
    /// The bytes of their messages that count, if those of its own do.
    pub(super) other_bytes: usize,
}

impl InFlight {
    /// Says what runs for the request, and where its answer goes. If it was cancelled already, that is stopped at once.
    pub(super) fn attach(&self, work: AbortHandle, outbox: Arc<Outbox>) {
        match self.session.state().flights.get_mut(&self.id) {
            Some(flight) if flight.number == self.number => flight.work = Some((work, outbox)),
            _ => work.abort(),
        }
    }

    /// Says that the answer is there. The id may be used again as soon as the client has it.
    pub(super) fn answered(&self) {
        if let Some(flight) = self.session.state().flights.get_mut(&self.id)
            && flight.number == self.number
        {
            flight.answered = true;
        }
    }
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

/// What a client gets that comes back to a stream.
pub(super) enum Resumed {
    /// The stream goes on.
    Stream(EventStream),
    /// It is at its end; these events are what was missed.
    Rest(Vec<u8>),
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.session.state();
        if state.flights.get(&self.id).is_some_and(|flight| flight.number == self.number) {
            state.flights.remove(&self.id);
        }
        drop(state);
        self.session.used(self.session.clock.now());
    }
}
