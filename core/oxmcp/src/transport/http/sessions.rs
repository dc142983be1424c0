mod table;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use uuid::Uuid;

use self::table::Table;
use super::clock::Clock;
use super::resumption::Resumption;
use super::session::{HttpSession, Policy};
use super::session_id;
use crate::Limits;
use crate::server::Session;

/// Sessions that were in use, of which so many are looked at when one is opened.
const LOOKS: usize = 64;

/// The sessions of the handshake era. There are never more than the limit: the one unused for longest makes room, and one that is in use only
/// when all are.
pub(super) struct Sessions {
    state: Mutex<State>,
    policy: Arc<Policy>,
    clock: Clock,
    capacity: usize,
    idle: Duration,
}

#[derive(Default)]
struct State {
    table: Table,
    next_sweep: u64,
}

impl Sessions {
    pub(super) fn new(limits: &Limits, resumption: Option<Resumption>) -> Self {
        Self {
            state: Mutex::default(),
            policy: Arc::new(Policy { resumption, asks: limits.calls, answer_within: limits.input_wait }),
            clock: Clock::start(),
            capacity: limits.sessions.max(1),
            idle: limits.session_idle,
        }
    }

    /// Opens a session and returns its id.
    pub(super) fn open(&self, handshake: Arc<Session>) -> HeaderValue {
        let id = Uuid::new_v4();
        let now = self.clock.now();
        let session = Arc::new(HttpSession::new(handshake, self.clock, self.policy.clone()));
        let mut ended = Vec::new();
        let mut state = self.state();
        self.sweep(&mut state, LOOKS, now, &mut ended);
        let table = &mut state.table;
        while table.len() >= self.capacity {
            let oldest = table.remove_unused(u64::MAX, now);
            // When all are in use, one of them has to go all the same.
            let Some(oldest) = oldest.or_else(|| table.remove_busy()) else { break };
            ended.push(oldest);
        }
        table.insert(id, session);
        drop(state);
        end_all(ended);
        session_id::write(id)
    }

    /// The session with an id, now in use.
    pub(super) fn find(&self, id: &HeaderValue) -> Option<Arc<HttpSession>> {
        let id = session_id::parse(id.as_bytes())?;
        let now = self.clock.now();
        let mut ended = Vec::new();
        let mut state = self.state();
        if now >= state.next_sweep {
            // There are about as many sweeps in the time that a session may be unused.
            let looks = state.table.eighth_of_busy() + LOOKS;
            self.sweep(&mut state, looks, now, &mut ended);
        }
        let session = state.table.find(&id).filter(|session| !self.is_over(session, now)).cloned();
        drop(state);
        end_all(ended);
        session.inspect(|session| session.used(now))
    }

    /// Ends a session. False when there is none.
    pub(super) fn end(&self, id: &HeaderValue) -> bool {
        let Some(id) = session_id::parse(id.as_bytes()) else { return false };
        let session = self.state().table.remove(&id);
        session.inspect(|session| session.end()).is_some()
    }

    /// Ends the streams for listening.
    pub(super) fn end_listening(&self) {
        let sessions: Vec<_> = self.state().table.all().cloned().collect();
        for session in sessions {
            session.end_listening();
        }
    }

    /// Ends every session.
    pub(super) fn end_all(&self) {
        let sessions = self.state().table.take();
        end_all(sessions);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a session was unused for too long.
    fn is_over(&self, session: &HttpSession, now: u64) -> bool {
        self.over_since(now).is_some_and(|since| session.last_use() <= since) && !session.is_in_use(now)
    }

    /// Whatever was not used since is over. `None` when it is too early for that.
    fn over_since(&self, now: u64) -> Option<u64> {
        let idle = u64::try_from(self.idle.as_nanos()).ok()?;
        now.checked_sub(idle)?.checked_sub(1)
    }

    /// Takes out the sessions that were unused for too long, after so many looks at those that were in use.
    fn sweep(&self, state: &mut State, looks: usize, now: u64, ended: &mut Vec<Arc<HttpSession>>) {
        let pause = (self.idle / 8).clamp(Duration::from_millis(10), Duration::from_secs(60));
        state.next_sweep = now.saturating_add(pause.as_nanos() as u64);
        state.table.look_at_busy(looks, now);
        let Some(since) = self.over_since(now) else { return };
        while let Some(over) = state.table.remove_unused(since, now) {
            ended.push(over);
        }
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.end_all();
    }
}

fn end_all(sessions: impl IntoIterator<Item = Arc<HttpSession>>) {
    for session in sessions {
        session.end();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::future::BoxFuture;
    use oxmcp_proto::jsonrpc::{MethodName, RawJson, Request};
    use serde_json::json;

    use super::super::event_body::EventBody;
    use super::super::event_id::EventId;
    use super::super::outbox::Outbox;
    use super::super::session::{Grounded, Resumed};
    use super::*;
    use crate::Server;
    use crate::store::{EventStore, SessionKey, StoredEvent, StreamId};
    use crate::transport::HttpOptions;

    fn handshake() -> Arc<Session> {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "0"}});
        let method = MethodName::Known(oxmcp_proto::Method::Initialize);
        let request = Request { id: 1.into(), method, params: Some(RawJson::of(&params).unwrap()) };
        Server::new("s", "0").core().initialize(&request).unwrap().0
    }

    fn sessions(limits: Limits) -> Sessions {
        Sessions::new(&limits, None)
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
        let state = sessions.state();
        assert_eq!(state.table.len(), 99);
        assert!(state.table.entries() <= 2 * 100 + 64, "{}", state.table.entries());
    }

    /// What an idle session weighs is mostly its connection; it must stay so.
    #[test]
    fn an_idle_session_is_small() {
        assert!(size_of::<HttpSession>() <= 384, "{} bytes", size_of::<HttpSession>());
        assert!(size_of::<Outbox>() <= 192);
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
            assert!(sessions.state().table.len() == 4);
            sessions.open(handshake());
            let id = Uuid::try_parse_ascii(ids[gone].as_bytes()).unwrap();
            assert!(sessions.state().table.find(&id).is_none(), "the {gone}th went");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_in_use_stay_and_cost_those_who_come_little() {
        let limits = Limits { sessions: 1000, ..Limits::default() };
        let sessions = sessions(limits);
        let handshake = handshake();
        let opened: Vec<_> = (0..1000).map(|_| sessions.open(handshake.clone())).collect();
        let listeners: Vec<_> =
            opened.iter().map(|id| sessions.find(id).unwrap().listen().unwrap()).collect();
        for _ in 0..20 {
            tokio::time::advance(Duration::from_secs(1)).await;
            sessions.open(handshake.clone());
        }
        let now = sessions.clock.now();
        let looked_at = sessions.state().table.all().filter(|session| session.last_use() == now).count();
        assert!(looked_at <= LOOKS + 1, "{looked_at}");
        let listening = opened.iter().filter(|id| sessions.find(id).is_some()).count();
        assert_eq!(listening, 999, "only the first had to make room");
        drop(listeners);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_in_use_goes_when_it_is_left() {
        let limits = Limits { sessions: 2, ..Limits::default() };
        let sessions = sessions(limits);
        let (left, kept) = (sessions.open(handshake()), sessions.open(handshake()));
        let listen = |id: &HeaderValue| sessions.find(id).unwrap().listen().unwrap();
        let (left_listener, kept_listener) = (listen(&left), listen(&kept));
        // Both were in use when this one came, and one had to go; all are looked at again before another has to.
        let came = sessions.open(handshake());
        let (left, kept, listener) = match sessions.find(&left) {
            Some(_) => (left, came, left_listener),
            None => (kept, came, kept_listener),
        };
        let _kept_listener = listen(&kept);
        drop(EventBody::listening(listener));
        tokio::time::advance(Duration::from_secs(1)).await;
        sessions.open(handshake());
        assert!(sessions.find(&left).is_none() && sessions.find(&kept).is_some());
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
        drop(EventBody::listening(listener));

        let in_flight = session.take_off(&1.into(), 0).unwrap();
        let outbox = Arc::<Outbox>::default();
        let work = tokio::spawn(std::future::pending::<()>());
        in_flight.attach(work.abort_handle(), outbox.clone());
        tokio::time::advance(hour).await;
        sessions.find(&id).expect("an answer is waited for");
        drop(EventBody::listening(outbox));
        tokio::time::advance(hour).await;
        assert!(sessions.find(&id).is_none(), "the client of that request is gone");
        sessions.open(handshake());
        assert!(work.await.unwrap_err().is_cancelled());
    }

    /// A store during whose answer the session goes on.
    #[derive(Default)]
    struct Slow(Mutex<Option<Arc<HttpSession>>>);

    impl EventStore for Slow {
        fn append(&self, _: StreamId, _: StoredEvent) {}

        fn replay(&self, _: StreamId, _: u64) -> BoxFuture<'_, Vec<StoredEvent>> {
            let session = self.0.lock().unwrap().take();
            assert!(session.unwrap().send(|out| out.extend_from_slice(br#""second""#)));
            Box::pin(async { Vec::new() })
        }

        fn remove(&self, _: StreamId) {}

        fn remove_session(&self, _: SessionKey) {}
    }

    #[tokio::test]
    async fn what_is_sent_during_a_resumption_does_not_overtake_what_waited() {
        let store = Arc::<Slow>::default();
        let options = HttpOptions { event_store: Some(store.clone()), ..HttpOptions::default() };
        let limits = Limits::default();
        let sessions = Sessions::new(&limits, Resumption::new(&options, &limits));
        let session = sessions.find(&sessions.open(handshake())).unwrap();
        let lost = session.listen().unwrap();
        let stream = StreamId { session: session.key(), stream: lost.stream().unwrap() };
        drop(EventBody::listening(lost));
        assert!(session.send(|out| out.extend_from_slice(br#""first""#)));
        *store.0.lock().unwrap() = Some(session.clone());
        let resumed = session.resume(EventId { stream, number: 0 }).await.unwrap();
        let Some(Resumed::Stream(mut events)) = resumed else { panic!("the stream is gone") };
        let mut read = String::new();
        while !read.contains("second") {
            let more = poll_fn(|cx| events.poll_next(cx)).await.expect("the stream goes on");
            read.push_str(std::str::from_utf8(&more).unwrap());
        }
        assert!(read.find("first") < read.find("second"), "{read}");
        assert!(read.contains("first"), "{read}");
    }

    #[tokio::test]
    async fn a_request_that_is_cancelled_before_it_runs_does_not_run_on() {
        let sessions = sessions(Limits::default());
        let id = sessions.open(handshake());
        let session = sessions.find(&id).unwrap();
        let first = session.take_off(&1.into(), 0).unwrap();
        assert_eq!(session.take_off(&1.into(), 0).err(), Some(Grounded::Duplicate));
        session.cancel(&1.into());
        // The id is free again, and what comes of the first request does not touch the second.
        let second = session.take_off(&1.into(), 0).unwrap();
        let work = tokio::spawn(std::future::pending::<()>());
        first.attach(work.abort_handle(), Arc::default());
        assert!(work.await.unwrap_err().is_cancelled());
        drop(first);
        assert_eq!(session.take_off(&1.into(), 0).err(), Some(Grounded::Duplicate));
        drop(second);
        assert!(session.take_off(&1.into(), 0).is_ok());
        assert!(sessions.end(&id));
        assert_eq!(session.take_off(&2.into(), 0).err(), Some(Grounded::Ended));
        assert!(session.listen().is_none());
    }
}
