use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{RawJson, RequestId, write_notification};
use oxmcp_proto::link::CallError;

use super::answer::write_response;
use super::asks::{ask, unreachable_client};
use super::event_id::EventId;
use super::resumption::Resumption;
use super::session::{HttpSession, InFlight};
use super::sse::write_event;
use super::unkept::{Change, Unkept};
use crate::server::{Outcome, Peer};
use crate::store::{StoredEvent, StreamId};

/// Bytes of messages that wait for a client to take them. Past it notifications are dropped and requests fail.
const MAX_WAITING: usize = 256 * 1024;

/// Where the messages of one response stream wait until the connection takes them. In a session with an event store, the stream outlives
/// its connection once the client has seen the id of an event: what comes later is kept, and goes to whoever resumes it.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    origin: Option<Origin>,
}

/// Where in which session a stream belongs.
struct Origin {
    session: Arc<HttpSession>,
    stream: u64,
    /// The request whose answer ends the stream; none if it is for listening only.
    request: Option<RequestId>,
    me: Weak<Outbox>,
}

#[derive(Default)]
struct State {
    /// Messages, as events.
    events: Vec<u8>,
    /// The number of the last event.
    last: u64,
    end: Option<End>,
    /// Nobody reads any more.
    left: bool,
    /// The response is a stream, of which the client can see an id.
    started: bool,
    /// The connection is to be closed before the stream is at its end.
    pausing: bool,
    /// Grows when another connection takes the stream over.
    turn: u32,
    reader: Option<Waker>,
    /// What the event store does not know yet, where there is one.
    unkept: Option<Box<Unkept>>,
}

/// How a response stream ends.
#[derive(Debug)]
pub(super) enum End {
    /// With the answer.
    Answer(Outcome),
    /// Without one: the request was cancelled, the stream was for listening only, or the answer is among the events.
    Silent,
}

/// What goes out next.
#[derive(Debug)]
pub(super) enum Next {
    Events(Vec<u8>),
    /// Events, and then the connection is closed. The stream goes on.
    Pause(Vec<u8>),
    End(Vec<u8>, End),
}

impl Outbox {
    /// The stream of a request's response.
    pub(super) fn of_request(session: &Arc<HttpSession>, request: RequestId) -> Arc<Self> {
        Self::of_session(session, Some(request))
    }

    /// A stream for listening, which is open from the start.
    pub(super) fn listening(session: &Arc<HttpSession>) -> Arc<Self> {
        let outbox = Self::of_session(session, None);
        outbox.state().started = true;
        outbox
    }

    fn of_session(session: &Arc<HttpSession>, request: Option<RequestId>) -> Arc<Self> {
        Arc::new_cyclic(|me| {
            let origin =
                Origin { session: session.clone(), stream: session.next_stream(), request, me: me.clone() };
            Self { state: Mutex::default(), origin: Some(origin) }
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn resumption(&self) -> Option<(StreamId, &Resumption)> {
        let origin = self.origin.as_ref()?;
        let resumption = origin.session.resumption()?;
        Some((StreamId { session: origin.session.key(), stream: origin.stream }, resumption))
    }

    /// The number of the stream in its session.
    pub(super) fn stream(&self) -> Option<u64> {
        self.origin.as_ref().map(|origin| origin.stream)
    }

    /// Adds a message. False when nobody will read it, or there is no room.
    pub(super) fn send(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let is_sent = self.put(write);
        self.keep();
        is_sent
    }

    /// Adds a message, of which the event store does not know before [`keep`](Self::keep): for whoever holds a lock.
    pub(super) fn put(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut state = self.state();
        if state.end.is_some() || !self.has_reader(&state) || !state.has_room() {
            return false;
        }
        self.push(&mut state, write);
        wake(state);
        true
    }

    /// Whether somebody reads, or may come back to read.
    fn has_reader(&self, state: &State) -> bool {
        // What nobody listens to waits in the session, for whoever listens next.
        let is_awaited = self.origin.as_ref().is_some_and(|origin| origin.request.is_some());
        !state.left || (state.started && is_awaited && self.resumption().is_some())
    }

    fn push(&self, state: &mut State, write: impl FnOnce(&mut Vec<u8>)) {
        let Some((stream, _)) = self.resumption() else {
            return write_event(&mut state.events, write);
        };
        let mut message = Vec::new();
        write(&mut message);
        state.last += 1;
        let event = StoredEvent { number: state.last, message: message.into() };
        if !state.left {
            EventId { stream, number: event.number }.write_event(&event.message, &mut state.events);
        }
        state.unkept.get_or_insert_default().push(Change::Event(event));
    }

    /// Tells the event store what it does not know yet, in order. Not for whoever holds a lock: a store is somebody else's code.
    pub(super) fn keep(&self) {
        let Some((stream, resumption)) = self.resumption() else { return };
        // Whoever tells it already tells it this too.
        let Some(mut change) = self.state().unkept.as_mut().and_then(|unkept| unkept.begin()) else { return };
        loop {
            match change {
                Change::Event(event) => resumption.append(stream, event),
                Change::Forget => resumption.remove(stream),
            }
            if self.origin.as_ref().is_some_and(|origin| origin.session.is_over()) {
                // It has forgotten the session already, and maybe before this.
                resumption.remove_session(stream.session);
            }
            let mut state = self.state();
            let Some(unkept) = &mut state.unkept else { return };
            match unkept.go_on() {
                Some(next) => change = next,
                None => {
                    let awaiting = unkept.awaiting.take();
                    drop(state);
                    return drop(awaiting);
                }
            }
        }
    }

    /// Ends the stream of a request that is in flight, which is in its session's table for as long as the store does not know all of the
    /// stream.
    pub(super) fn end_flight(&self, end: End, in_flight: Arc<InFlight>) {
        if !self.finish(end) {
            return;
        }
        let mut state = self.state();
        if let Some(unkept) = &mut state.unkept
            && !unkept.is_empty()
        {
            unkept.awaiting = Some(in_flight);
        }
        drop(state);
        self.keep();
    }

    /// Ends the stream. Only the first end counts.
    pub(super) fn end(&self, end: End) {
        if self.finish(end) {
            self.keep();
        }
    }

    /// Ends the stream. True when that has made an event, as only an answer does: other ends may come under a lock.
    fn finish(&self, end: End) -> bool {
        let mut state = self.state();
        if state.end.is_some() {
            return false;
        }
        let request = self.origin.as_ref().and_then(|origin| origin.request.as_ref());
        let is_stream = state.started || state.last > 0;
        let (end, is_event) = match (end, request) {
            (End::Answer(outcome), Some(id)) if is_stream && self.resumption().is_some() => {
                self.push(&mut state, |out| write_response(out, id, &outcome));
                (End::Silent, true)
            }
            (end, _) => (end, false),
        };
        state.end = Some(end);
        wake(state);
        is_event
    }

    /// Whether nobody reads any more.
    pub(super) fn is_left(&self) -> bool {
        self.state().left
    }

    /// Whether the answer is there, or nobody waits for it.
    pub(super) fn is_over(&self) -> bool {
        self.state().end.is_some()
    }

    /// Makes the response a stream before there is a message. False when there is something to send.
    pub(super) fn start(&self) -> bool {
        let mut state = self.state();
        if state.end.is_some() || state.pausing || !state.events.is_empty() {
            return false;
        }
        state.started = true;
        true
    }

    /// The event that a stream begins with, so that the client can come back before the first message (2025-11-25, transports, "Sending
    /// Messages to the Server"); after `number`, if it is not the first of its connections. Earlier revisions have none.
    pub(super) fn greeting(&self, number: u64) -> Option<Vec<u8>> {
        let (stream, resumption) = self.resumption().filter(|_| self.can_pause())?;
        let mut out = Vec::with_capacity(64);
        EventId { stream, number }.write_greeting(resumption.retry, &mut out);
        Some(out)
    }

    /// Whether the client knows that it has to come back to a stream whose connection ends before the answer.
    pub(super) fn can_pause(&self) -> bool {
        self.resumption().is_some()
            && self.origin.as_ref().is_some_and(|origin| origin.session.handshake.version.wire().sse_polling)
    }

    /// Takes the stream over for another connection, which begins after the event whose number comes with it. Those before that come with
    /// it too are perhaps not in the store yet.
    pub(super) fn take_over(self: &Arc<Self>) -> (Reader, u64, Vec<StoredEvent>) {
        let mut state = self.state();
        state.turn += 1;
        state.left = false;
        state.started = true;
        state.pausing = false;
        // All of it is in the store, or on its way there.
        state.events.clear();
        let unkept = state.unkept.as_ref().map(|unkept| unkept.events().cloned().collect());
        let (turn, last) = (state.turn, state.last);
        wake(state);
        (Reader { outbox: self.clone(), turn }, last, unkept.unwrap_or_default())
    }
}

impl State {
    /// Whether one more message may wait.
    fn has_room(&self) -> bool {
        let unkept = self.unkept.as_ref().map_or(0, |unkept| unkept.bytes());
        self.events.len() <= MAX_WAITING && unkept <= MAX_WAITING
    }
}

impl Peer for Outbox {
    fn notify(&self, method: Method, params: &[u8]) -> bool {
        self.send(|out| write_notification(out, method.name(), |out| out.extend_from_slice(params)))
    }

    fn tell(&self, method: Method, params: &[u8]) -> bool {
        let write =
            |out: &mut Vec<u8>| write_notification(out, method.name(), |out| out.extend_from_slice(params));
        match &self.origin {
            // A message goes out on one stream only (2025-11-25, transports, "Multiple Connections").
            Some(origin) => origin.session.send(write) || self.send(write),
            None => false,
        }
    }

    fn poll_room(&self, _: &mut Context<'_>) -> Poll<()> {
        // Whatever tells of changes is polled by whoever reads, so that it is polled again when there is room.
        if self.state().has_room() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn ask(&self, method: Method, params: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>> {
        match &self.origin {
            Some(origin) => ask(origin.session.clone(), origin.me.upgrade(), method, params),
            None => unreachable_client(method),
        }
    }

    fn close_stream(&self) -> bool {
        if !self.can_pause() {
            return false;
        }
        let mut state = self.state();
        if state.left || state.end.is_some() {
            return false;
        }
        state.pausing = true;
        wake(state);
        true
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

/// The connection's end of an outbox. Dropping it says that nobody reads any more.
pub(super) struct Reader {
    pub(super) outbox: Arc<Outbox>,
    turn: u32,
}

impl Reader {
    pub(super) fn new(outbox: Arc<Outbox>) -> Self {
        Self { outbox, turn: 0 }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut state = self.outbox.state();
        if state.turn != self.turn {
            return Poll::Ready(Next::End(Vec::new(), End::Silent));
        }
        let events = std::mem::take(&mut state.events);
        state.started |= !events.is_empty();
        if state.end.is_some() {
            state.left = true;
            let end = state.end.replace(End::Silent).unwrap_or(End::Silent);
            return Poll::Ready(Next::End(events, end));
        }
        if std::mem::take(&mut state.pausing) {
            state.left = true;
            state.started = true;
            return Poll::Ready(Next::Pause(events));
        }
        if !events.is_empty() {
            return Poll::Ready(Next::Events(events));
        }
        match &mut state.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            reader => *reader = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.outbox.state();
        if state.turn != self.turn {
            return;
        }
        state.left = true;
        state.events = Vec::new();
        state.reader = None;
        if state.started || state.last == 0 {
            return;
        }
        // No client has seen an id of it.
        if let Some(unkept) = &mut state.unkept {
            unkept.push(Change::Forget);
            drop(state);
            self.outbox.keep();
        }
    }
}
