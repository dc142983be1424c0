use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Response, StatusCode};
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{RawJson, RequestId, codes, write_error, write_notification, write_result};
use oxmcp_proto::link::{CallError, CloseReason};
use tokio::time::{Instant, Sleep};

use super::accept::Accepts;
use super::sse::{KEEP_ALIVE, write_event};
use super::{HttpBody, reply};
use crate::server::{Outcome, Peer};

/// Bytes of notifications that wait for a client to take them. Past it they are dropped.
const MAX_WAITING: usize = 256 * 1024;

/// The longest silence on a stream of events before a comment is sent.
const MAX_SILENCE: Duration = Duration::from_secs(15);

/// Where the messages of one response stream wait until the connection takes them.
#[derive(Default)]
pub(super) struct Outbox(Mutex<State>);

#[derive(Default)]
struct State {
    /// Notifications, as events.
    events: Vec<u8>,
    end: Option<End>,
    /// Nobody reads any more.
    left: bool,
    reader: Option<Waker>,
}

/// How a response stream ends.
#[derive(Debug)]
pub(super) enum End {
    /// With the answer.
    Answer(Outcome),
    /// Without one: the request was cancelled, or the stream was for listening only.
    Silent,
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the stream. Only the first end counts.
    pub(super) fn end(&self, end: End) {
        let mut state = self.state();
        if state.end.is_none() {
            state.end = Some(end);
            wake(state);
        }
    }

    /// Whether nobody reads any more.
    pub(super) fn is_left(&self) -> bool {
        self.state().left
    }
}

impl Peer for Outbox {
    fn notify(&self, method: Method, params: &[u8]) -> bool {
        let mut state = self.state();
        if state.left || state.end.is_some() || state.events.len() + params.len() > MAX_WAITING {
            return false;
        }
        write_event(&mut state.events, |out| {
            write_notification(out, method.name(), |out| out.extend_from_slice(params));
        });
        wake(state);
        true
    }

    fn ask(&self, method: Method, _: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>> {
        unreachable_client(method)
    }
}

/// The answer to what cannot be asked, because nothing leads from this exchange to a client that could answer.
fn unreachable_client(method: Method) -> BoxFuture<'static, Result<RawJson, CallError>> {
    let why = format!("there is no stream that could carry {} to the client", method.name());
    Box::pin(std::future::ready(Err(CallError::Closed(CloseReason::Broken(why)))))
}

fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

/// Where notifications go when the client takes no events: nowhere.
pub(super) struct Deaf;

impl Peer for Deaf {
    fn notify(&self, _: Method, _: &[u8]) -> bool {
        false
    }

    fn ask(&self, method: Method, _: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>> {
        unreachable_client(method)
    }
}

/// Where the messages of one response come from: work that is polled in place, and the outbox. Dropping it says that nobody reads any
/// more, and cancels the work.
struct Source {
    work: Option<BoxFuture<'static, Outcome>>,
    outbox: Arc<Outbox>,
}

/// What goes out next.
#[derive(Debug)]
enum Next {
    Events(Vec<u8>),
    End(Vec<u8>, End),
}

impl Source {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Some(work) = &mut self.work
            && let Poll::Ready(outcome) = work.as_mut().poll(cx)
        {
            self.work = None;
            self.outbox.end(End::Answer(outcome));
        }
        let mut state = self.outbox.state();
        let events = std::mem::take(&mut state.events);
        if let Some(end) = state.end.take() {
            state.left = true;
            return Poll::Ready(Next::End(events, end));
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

impl Drop for Source {
    fn drop(&mut self) {
        let mut state = self.outbox.state();
        state.left = true;
        state.events = Vec::new();
        state.reader = None;
    }
}

/// A request that is being served.
pub(super) struct Exchange {
    id: RequestId,
    source: Source,
}

impl Exchange {
    /// A request whose handler runs while, and only while, the response is waited for.
    pub(super) fn in_place(id: RequestId, work: BoxFuture<'static, Outcome>, outbox: Arc<Outbox>) -> Self {
        Self { id, source: Source { work: Some(work), outbox } }
    }

    /// A request whose answer comes through the outbox.
    pub(super) fn elsewhere(id: RequestId, outbox: Arc<Outbox>) -> Self {
        Self { id, source: Source { work: None, outbox } }
    }

    /// The response: JSON if the answer comes before any notification, else a stream of events.
    pub(super) async fn respond(mut self, accepts: Accepts) -> Response<HttpBody> {
        match std::future::poll_fn(|cx| self.source.poll_next(cx)).await {
            Next::Events(events) => reply::events(EventStream::new(self.source, Some(self.id), events)),
            Next::End(events, End::Answer(outcome)) if events.is_empty() => {
                answer(&self.id, &outcome, accepts)
            }
            Next::End(events, end) if accepts.events => {
                reply::whole_events(with_answer(events, Some(&self.id), &end))
            }
            // Cancelled, and the client takes nothing but JSON, of which anything would be an answer.
            Next::End(..) => reply::empty(StatusCode::ACCEPTED),
        }
    }

    /// The answer alone; `None` when the request is cancelled.
    pub(super) async fn outcome(mut self) -> Option<Outcome> {
        loop {
            if let Next::End(_, end) = std::future::poll_fn(|cx| self.source.poll_next(cx)).await {
                return match end {
                    End::Answer(outcome) => Some(outcome),
                    End::Silent => None,
                };
            }
        }
    }
}

/// The response for an answer without notifications before it.
pub(super) fn answer(id: &RequestId, outcome: &Outcome, accepts: Accepts) -> Response<HttpBody> {
    let status = match outcome {
        // 2026-07-28, basic, `_meta`; no earlier revision has the code.
        Err(error) if error.code == codes::MISSING_REQUIRED_CLIENT_CAPABILITY => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    let size = outcome.as_ref().map_or(256, |result| result.as_bytes().len() + 64);
    let mut out = Vec::with_capacity(size);
    if accepts.json || status != StatusCode::OK {
        write_response(&mut out, id, outcome);
        return reply::json(status, out);
    }
    write_event(&mut out, |out| write_response(out, id, outcome));
    reply::whole_events(out)
}

fn write_response(out: &mut Vec<u8>, id: &RequestId, outcome: &Outcome) {
    match outcome {
        Ok(result) => write_result(out, id, result),
        Err(error) => write_error(out, Some(id), error),
    }
}

fn with_answer(mut events: Vec<u8>, id: Option<&RequestId>, end: &End) -> Vec<u8> {
    if let (Some(id), End::Answer(outcome)) = (id, end) {
        write_event(&mut events, |out| write_response(out, id, outcome));
    }
    events
}

/// The rest of a response once it is a stream of events.
pub(super) struct EventStream {
    source: Source,
    /// The request it answers; none if it is for listening only.
    id: Option<RequestId>,
    first: Option<Vec<u8>>,
    silence: Pin<Box<Sleep>>,
    over: bool,
}

impl EventStream {
    fn new(source: Source, id: Option<RequestId>, first: Vec<u8>) -> Self {
        let silence = Box::pin(tokio::time::sleep(MAX_SILENCE));
        Self { source, id, first: Some(first), silence, over: false }
    }

    /// A stream that begins with a comment, so that the client sees at once that it is open.
    pub(super) fn listening(outbox: Arc<Outbox>) -> Self {
        Self::new(Source { work: None, outbox }, None, KEEP_ALIVE.to_vec())
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        let events = match self.source.poll_next(cx) {
            Poll::Ready(Next::Events(events)) => events,
            Poll::Ready(Next::End(events, end)) => {
                self.over = true;
                let events = with_answer(events, self.id.as_ref(), &end);
                return Poll::Ready((!events.is_empty()).then_some(events));
            }
            Poll::Pending => {
                std::task::ready!(self.silence.as_mut().poll(cx));
                KEEP_ALIVE.to_vec()
            }
        };
        self.silence.as_mut().reset(Instant::now() + MAX_SILENCE);
        Poll::Ready(Some(events))
    }
}
