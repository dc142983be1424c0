use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use oxmcp_proto::jsonrpc::RequestId;
use rustc_hash::FxHashMap;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::exchange::{End, Outbox};
use crate::Limits;
use crate::server::Handshake;

/// The sessions of the handshake era. There are never more than the limit: the one unused for longest makes room.
pub(super) struct Sessions {
    table: Mutex<Table>,
    clock: Clock,
    capacity: usize,
    idle: Duration,
    /// The requests of all sessions that are being served, which outlive their connections.
    serving: Arc<AtomicUsize>,
    max_serving: usize,
}

#[derive(Default)]
struct Table {
    sessions: FxHashMap<Uuid, Arc<Session>>,
    /// One entry for each session, at a moment when it was in use; it may have been used since. Entries of sessions that are gone stay
    /// until they come up.
    by_use: BinaryHeap<Reverse<(u64, Uuid)>>,
    next_sweep: u64,
}

/// Nanoseconds since the server began.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

impl Sessions {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            table: Mutex::default(),
            clock: Clock(Instant::now()),
            capacity: limits.sessions.max(1),
            idle: limits.session_idle,
            serving: Arc::default(),
            max_serving: limits.serving,
        }
    }

    /// Opens a session and returns its id.
    pub(super) fn open(&self, handshake: Handshake) -> HeaderValue {
        let id = Uuid::new_v4();
        let now = self.clock.now();
        let session = Arc::new(Session {
            handshake,
            clock: self.clock,
            last_use: AtomicU64::new(now),
            state: Mutex::default(),
        });
        let mut ended = Vec::new();
        let mut table = self.table();
        self.sweep(&mut table, now, &mut ended);
        while table.sessions.len() >= self.capacity {
            let oldest = table.remove_oldest(|session| !session.is_in_use(now));
            // When all are in use, one of them has to go all the same.
            let Some(oldest) = oldest.or_else(|| table.remove_oldest(|_| true)) else { break };
            ended.push(oldest);
        }
        table.sessions.insert(id, session);
        table.by_use.push(Reverse((now, id)));
        drop(table);
        end_all(ended);
        let mut text = Uuid::encode_buffer();
        HeaderValue::from_str(id.simple().encode_lower(&mut text))
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The session with an id, now in use.
    pub(super) fn find(&self, id: &HeaderValue) -> Option<Arc<Session>> {
        let id = Uuid::try_parse_ascii(id.as_bytes()).ok()?;
        let now = self.clock.now();
        let mut ended = Vec::new();
        let mut table = self.table();
        if now >= table.next_sweep {
            self.sweep(&mut table, now, &mut ended);
        }
        let session = table.sessions.get(&id).filter(|session| !self.is_over(session, now)).cloned();
        drop(table);
        end_all(ended);
        session.inspect(|session| session.last_use.store(now, Ordering::Relaxed))
    }

    /// Ends a session. False when there is none.
    pub(super) fn end(&self, id: &HeaderValue) -> bool {
        let Ok(id) = Uuid::try_parse_ascii(id.as_bytes()) else { return false };
        let session = self.table().remove(&id);
        session.inspect(|session| session.end()).is_some()
    }

    /// Ends the streams for listening.
    pub(super) fn end_listening(&self) {
        let sessions: Vec<_> = self.table().sessions.values().cloned().collect();
        for session in sessions {
            session.end_listening();
        }
    }

    /// Ends every session.
    pub(super) fn end_all(&self) {
        let table = std::mem::take(&mut *self.table());
        end_all(table.sessions.into_values());
    }

    /// Counts a request in, if there is room for one more.
    pub(super) fn admit(&self) -> Option<Admission> {
        let count = self.serving.fetch_add(1, Ordering::Relaxed);
        let admission = Admission(self.serving.clone());
        (count < self.max_serving).then_some(admission)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a session was unused for too long.
    fn is_over(&self, session: &Session, now: u64) -> bool {
        let unused = now.saturating_sub(session.last_use.load(Ordering::Relaxed));
        Duration::from_nanos(unused) > self.idle && !session.is_in_use(now)
    }

    /// Takes out the sessions that were unused for too long.
    fn sweep(&self, table: &mut Table, now: u64, ended: &mut Vec<Arc<Session>>) {
        let pause = (self.idle / 8).clamp(Duration::from_millis(10), Duration::from_secs(60));
        table.next_sweep = now.saturating_add(pause.as_nanos() as u64);
        while let Some(over) = table.remove_oldest(|session| self.is_over(session, now)) {
            ended.push(over);
        }
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.end_all();
    }
}

impl Table {
    /// Takes out the session unused for longest, if `may_go` says so of it.
    fn remove_oldest(&mut self, may_go: impl Fn(&Session) -> bool) -> Option<Arc<Session>> {
        loop {
            let Reverse((used, id)) = *self.by_use.peek()?;
            let Some(session) = self.sessions.get(&id) else {
                self.by_use.pop();
                continue;
            };
            if session.last_use.load(Ordering::Relaxed) == used && may_go(session) {
                self.by_use.pop();
                return self.sessions.remove(&id);
            }
            let last_use = session.last_use.load(Ordering::Relaxed);
            if last_use == used {
                return None;
            }
            self.by_use.pop();
            self.by_use.push(Reverse((last_use, id)));
        }
    }

    fn remove(&mut self, id: &Uuid) -> Option<Arc<Session>> {
        let session = self.sessions.remove(id)?;
        if self.by_use.len() > 2 * self.sessions.len() + 64 {
            let sessions = &self.sessions;
            self.by_use.retain(|Reverse((_, id))| sessions.contains_key(id));
        }
        Some(session)
    }
}

fn end_all(sessions: impl IntoIterator<Item = Arc<Session>>) {
    for session in sessions {
        session.end();
    }
}

/// A request that counts among those being served until it is dropped.
pub(super) struct Admission(Arc<AtomicUsize>);

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A session: what `initialize` settled, and what is in flight.
pub(super) struct Session {
    pub(super) handshake: Handshake,
    clock: Clock,
    last_use: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    flights: FxHashMap<RequestId, Flight>,
    next_flight: u64,
    listener: Option<Arc<Outbox>>,
    ended: bool,
}

/// A request in flight.
struct Flight {
    number: u64,
    work: Option<AbortHandle>,
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
    /// Takes a request into the session. It can be cancelled from now on, until the guard is dropped.
    pub(super) fn take_off(self: &Arc<Self>, id: &RequestId) -> Result<InFlight, Grounded> {
        let mut state = self.state();
        if state.ended {
            return Err(Grounded::Ended);
        }
        let number = state.next_flight;
        match state.flights.entry(id.clone()) {
            Entry::Occupied(_) => return Err(Grounded::Duplicate),
            Entry::Vacant(slot) => slot.insert(Flight { number, work: None }),
        };
        state.next_flight += 1;
        drop(state);
        Ok(InFlight { session: self.clone(), id: id.clone(), number })
    }

    /// Cancels a request. Nothing happens when it is not in flight.
    pub(super) fn cancel(&self, id: &RequestId) {
        let flight = self.state().flights.remove(id);
        if let Some(work) = flight.and_then(|flight| flight.work) {
            work.abort();
        }
    }

    /// Opens the stream for listening; an older one ends. `None` when the session is over.
    pub(super) fn listen(&self) -> Option<Arc<Outbox>> {
        let mut state = self.state();
        if state.ended {
            return None;
        }
        let outbox = Arc::new(Outbox::default());
        let older = state.listener.replace(outbox.clone());
        drop(state);
        if let Some(older) = older {
            older.end(End::Silent);
        }
        Some(outbox)
    }

    fn end_listening(&self) {
        let listener = self.state().listener.take();
        if let Some(listener) = listener {
            listener.end(End::Silent);
        }
    }

    /// Cancels everything in flight and ends the stream for listening.
    fn end(&self) {
        let flights = {
            let mut state = self.state();
            state.ended = true;
            std::mem::take(&mut state.flights)
        };
        for work in flights.into_values().filter_map(|flight| flight.work) {
            work.abort();
        }
        self.end_listening();
    }

    /// Whether a client waits for something of it right now, which counts as a use.
    fn is_in_use(&self, now: u64) -> bool {
        let state = self.state();
        let in_use =
            !state.flights.is_empty() || state.listener.as_ref().is_some_and(|listener| !listener.is_left());
        if in_use {
            self.last_use.store(now, Ordering::Relaxed);
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
}

impl InFlight {
    /// Says what runs for the request. If it was cancelled already, that is stopped at once.
    pub(super) fn attach(&self, work: AbortHandle) {
        match self.session.state().flights.get_mut(&self.id) {
            Some(flight) if flight.number == self.number => flight.work = Some(work),
            _ => work.abort(),
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.session.state();
        if state.flights.get(&self.id).is_some_and(|flight| flight.number == self.number) {
            state.flights.remove(&self.id);
        }
        drop(state);
        self.session.last_use.store(self.session.clock.now(), Ordering::Relaxed);
    }
}
