use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use rustc_hash::FxHashMap;
use uuid::Uuid;

use super::clock::Clock;
use super::resumption::Resumption;
use super::session::{Policy, Session};
use super::session_id;
use crate::Limits;
use crate::server::Session as Handshake;

/// The sessions of the handshake era. There are never more than the limit: the one unused for longest makes room.
pub(super) struct Sessions {
    table: Mutex<Table>,
    policy: Arc<Policy>,
    clock: Clock,
    capacity: usize,
    idle: Duration,
}

#[derive(Default)]
struct Table {
    sessions: FxHashMap<Uuid, Arc<Session>>,
    /// One entry for each session, at a moment when it was in use; it may have been used since. Entries of sessions that are gone stay
    /// until they come up.
    by_use: BinaryHeap<Reverse<(u64, Uuid)>>,
    next_sweep: u64,
}

impl Sessions {
    pub(super) fn new(limits: &Limits, resumption: Option<Resumption>) -> Self {
        Self {
            table: Mutex::default(),
            policy: Arc::new(Policy { resumption, asks: limits.calls, answer_within: limits.input_wait }),
            clock: Clock::start(),
            capacity: limits.sessions.max(1),
            idle: limits.session_idle,
        }
    }

    /// Opens a session and returns its id.
    pub(super) fn open(&self, handshake: Arc<Handshake>) -> HeaderValue {
        let id = Uuid::new_v4();
        let now = self.clock.now();
        let session = Arc::new(Session::new(handshake, self.clock, self.policy.clone()));
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
        session_id::write(id)
    }

    /// The session with an id, now in use.
    pub(super) fn find(&self, id: &HeaderValue) -> Option<Arc<Session>> {
        let id = session_id::parse(id.as_bytes())?;
        let now = self.clock.now();
        let mut ended = Vec::new();
        let mut table = self.table();
        if now >= table.next_sweep {
            self.sweep(&mut table, now, &mut ended);
        }
        let session = table.sessions.get(&id).filter(|session| !self.is_over(session, now)).cloned();
        drop(table);
        end_all(ended);
        session.inspect(|session| session.used(now))
    }

    /// Ends a session. False when there is none.
    pub(super) fn end(&self, id: &HeaderValue) -> bool {
        let Some(id) = session_id::parse(id.as_bytes()) else { return false };
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

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a session was unused for too long.
    fn is_over(&self, session: &Session, now: u64) -> bool {
        let unused = now.saturating_sub(session.last_use());
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
            if session.last_use() == used && may_go(session) {
                self.by_use.pop();
                return self.sessions.remove(&id);
            }
            let last_use = session.last_use();
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

    fn handshake() -> Arc<Handshake> {
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
        let table = sessions.table();
        assert_eq!(table.sessions.len(), 99);
        assert!(table.by_use.len() <= 2 * 100 + 64, "{}", table.by_use.len());
    }

    /// What an idle session weighs is mostly its connection; it must stay so.
    #[test]
    fn an_idle_session_is_small() {
        assert!(size_of::<Session>() <= 384, "{} bytes", size_of::<Session>());
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
    struct Slow(Mutex<Option<Arc<Session>>>);

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
