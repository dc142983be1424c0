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
use crate::server::Session as Handshake;

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
    pub(super) fn open(&self, handshake: Arc<Handshake>) -> HeaderValue {
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
    pub(super) handshake: Arc<Handshake>,
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
    /// What runs for it and where its answer goes, once it is known that it takes time.
    work: Option<(AbortHandle, Arc<Outbox>)>,
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
        if let Some(flight) = flight {
            flight.abort();
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
        flights.into_values().for_each(Flight::abort);
        self.end_listening();
    }

    /// Whether a client waits for something of it right now, which counts as a use.
    fn is_in_use(&self, now: u64) -> bool {
        let state = self.state();
        let is_listening = state.listener.as_ref().is_some_and(|listener| !listener.is_left());
        let in_use = is_listening || state.flights.values().any(Flight::is_awaited);
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
    /// Says what runs for the request, and where its answer goes. If it was cancelled already, that is stopped at once.
    pub(super) fn attach(&self, work: AbortHandle, outbox: Arc<Outbox>) {
        match self.session.state().flights.get_mut(&self.id) {
            Some(flight) if flight.number == self.number => flight.work = Some((work, outbox)),
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

#[cfg(test)]
mod tests {
    use oxmcp_proto::jsonrpc::{MethodName, RawJson, Request};
    use serde_json::json;

    use super::*;
    use crate::Server;

    fn handshake() -> Arc<Handshake> {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "0"}});
        let method = MethodName::Known(oxmcp_proto::Method::Initialize);
        let request = Request { id: 1.into(), method, params: Some(RawJson::of(&params).unwrap()) };
        Server::new("s", "0").core().initialize(&request).unwrap().0
    }

    fn sessions(limits: Limits) -> Sessions {
        Sessions::new(&limits)
    }

    #[tokio::test]
    async fn however_many_are_opened_few_are_kept() {
        let limits = Limits { sessions: 100, ..Limits::default() };
        let sessions = sessions(limits);
        let handshake = handshake();
        for _ in 0..10_000 {
            let kept = sessions.open(handshake.clone());
            let ended = sessions.open(handshake.clone());
            assert!(sessions.find(&kept).is_some());
            assert!(sessions.end(&ended) && !sessions.end(&ended));
        }
        let table = sessions.table();
        assert_eq!(table.sessions.len(), 99);
        assert!(table.by_use.len() <= 2 * 100 + 64, "{}", table.by_use.len());
    }

    #[tokio::test]
    async fn use_and_not_age_decides_which_session_goes() {
        let limits = Limits { sessions: 4, ..Limits::default() };
        let sessions = sessions(limits);
        let ids: Vec<_> = (0..4).map(|_| sessions.open(handshake())).collect();
        for at in [2, 0, 3] {
            sessions.find(&ids[at]).unwrap();
        }
        for gone in [1, 2, 0, 3] {
            assert!(sessions.table().sessions.len() == 4);
            sessions.open(handshake());
            let id = Uuid::try_parse_ascii(ids[gone].as_bytes()).unwrap();
            assert!(!sessions.table().sessions.contains_key(&id), "the {gone}th went");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_waits_for_does_not_keep_a_session() {
        let limits = Limits { session_idle: Duration::from_secs(60), ..Limits::default() };
        let sessions = sessions(limits);
        let hour = Duration::from_secs(3600);
        let id = sessions.open(handshake());

        let listener = sessions.find(&id).unwrap().listen().unwrap();
        tokio::time::advance(hour).await;
        let session = sessions.find(&id).expect("it is listened to");
        drop(super::super::exchange::EventStream::listening(listener));

        let in_flight = session.take_off(&1.into()).unwrap();
        let outbox = Arc::<Outbox>::default();
        let work = tokio::spawn(std::future::pending::<()>());
        in_flight.attach(work.abort_handle(), outbox.clone());
        tokio::time::advance(hour).await;
        sessions.find(&id).expect("an answer is waited for");
        drop(super::super::exchange::EventStream::listening(outbox));
        tokio::time::advance(hour).await;
        assert!(sessions.find(&id).is_none(), "the client of that request is gone");
        sessions.open(handshake());
        assert!(work.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn a_request_that_is_cancelled_before_it_runs_does_not_run_on() {
        let sessions = sessions(Limits::default());
        let id = sessions.open(handshake());
        let session = sessions.find(&id).unwrap();
        let first = session.take_off(&1.into()).unwrap();
        assert_eq!(session.take_off(&1.into()).err(), Some(Grounded::Duplicate));
        session.cancel(&1.into());
        // The id is free again, and what comes of the first request does not touch the second.
        let second = session.take_off(&1.into()).unwrap();
        let work = tokio::spawn(std::future::pending::<()>());
        first.attach(work.abort_handle(), Arc::default());
        assert!(work.await.unwrap_err().is_cancelled());
        drop(first);
        assert_eq!(session.take_off(&1.into()).err(), Some(Grounded::Duplicate));
        drop(second);
        assert!(session.take_off(&1.into()).is_ok());
        assert!(sessions.end(&id));
        assert_eq!(session.take_off(&2.into()).err(), Some(Grounded::Ended));
        assert!(session.listen().is_none());
    }
}
