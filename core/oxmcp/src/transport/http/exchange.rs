use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Response, StatusCode};
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{RawJson, RequestId, codes, write_error, write_result, write_result_head};
use oxmcp_proto::link::CallError;
use tokio::time::{Instant, Sleep, sleep};

use super::accept::Accepts;
use super::asks::unreachable_client;
use super::budget::Admission;
use super::outbox::{End, Next, Outbox, Reader};
use super::sse::{KEEP_ALIVE, write_event};
use super::{HttpBody, reply};
use crate::server::{Outcome, Peer};

/// The longest silence on a stream of events before a comment is sent.
const MAX_SILENCE: Duration = Duration::from_secs(15);

/// How long an answer may take before its response becomes a stream that can be resumed.
const MAX_UNRESUMABLE: Duration = Duration::from_secs(1);

/// Where notifications go when the client takes no events: nowhere.
pub(super) struct Deaf;

impl Peer for Deaf {
    fn notify(&self, _: Method, _: &[u8]) -> bool {
        false
    }

    fn tell(&self, _: Method, _: &[u8]) -> bool {
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
    /// The work counts among that of the server.
    admission: Option<Admission>,
    reader: Reader,
}

impl Source {
    /// What is sent from elsewhere.
    fn of(reader: Reader) -> Self {
        Self { work: None, admission: None, reader }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Some(work) = &mut self.work
            && let Poll::Ready(outcome) = work.as_mut().poll(cx)
        {
            self.work = None;
            self.admission = None;
            self.reader.outbox.end(End::Answer(outcome));
        }
        self.reader.poll_next(cx)
    }
}

/// A request that is being served.
pub(super) struct Exchange {
    id: RequestId,
    source: Source,
}

impl Exchange {
    /// A request whose handler runs while, and only while, the response is waited for.
    pub(super) fn in_place(
        id: RequestId,
        work: BoxFuture<'static, Outcome>,
        admission: Option<Admission>,
        outbox: Arc<Outbox>,
    ) -> Self {
        Self { id, source: Source { work: Some(work), admission, reader: Reader::new(outbox) } }
    }

    /// A request whose answer comes through the outbox.
    pub(super) fn elsewhere(id: RequestId, outbox: Arc<Outbox>) -> Self {
        Self { id, source: Source::of(Reader::new(outbox)) }
    }

    /// The response: JSON if the answer comes before any notification, else a stream of events.
    pub(super) async fn respond(mut self, accepts: Accepts) -> Response<HttpBody> {
        match self.first(accepts).await {
            Next::Events(events) => {
                let events = self.greeted(events);
                reply::events(EventStream::new(self.source, Some(self.id), events))
            }
            Next::Pause(events) => reply::whole_events(self.greeted(events)),
            Next::End(events, End::Answer(outcome)) if events.is_empty() => {
                answer(&self.id, &outcome, accepts)
            }
            Next::End(events, end) if accepts.events => {
                let events = if events.is_empty() { events } else { self.greeted(events) };
                reply::whole_events(with_answer(events, Some(&self.id), &end))
            }
            // Cancelled, and the client takes nothing but JSON, of which anything would be an answer.
            Next::End(..) => reply::empty(StatusCode::ACCEPTED),
        }
    }

    /// What comes first. A client that could resume a stream is given one when nothing comes for long.
    async fn first(&mut self, accepts: Accepts) -> Next {
        let may_start = accepts.events && self.source.reader.outbox.can_pause();
        let source = &mut self.source;
        let mut patience: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|cx| {
            if let Poll::Ready(next) = source.poll_next(cx) {
                return Poll::Ready(next);
            }
            if !may_start {
                return Poll::Pending;
            }
            ready!(patience.get_or_insert_with(|| Box::pin(sleep(MAX_UNRESUMABLE))).as_mut().poll(cx));
            match source.reader.outbox.start() {
                true => Poll::Ready(Next::Events(Vec::new())),
                // Something has come just now.
                false => source.poll_next(cx),
            }
        })
        .await
    }

    /// The events with what a stream begins with.
    fn greeted(&self, events: Vec<u8>) -> Vec<u8> {
        match self.source.reader.outbox.greeting(0) {
            Some(greeting) => [greeting, events].concat(),
            None => events,
        }
    }

    /// The answer alone; `None` when the request is cancelled.
    pub(super) async fn outcome(mut self) -> Option<Outcome> {
        loop {
            if let Next::End(_, end) = poll_fn(|cx| self.source.poll_next(cx)).await {
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
    if let (Ok(result), true) = (outcome, accepts.json)
        && result.as_bytes().len() >= PIECE
    {
        let mut head = Vec::with_capacity(64);
        write_result_head(&mut head, id);
        let pieces = [head.into(), result.clone().into_bytes(), Bytes::from_static(b"}")];
        return reply::json_body(status, HttpBody::pieces(pieces));
    }
    let size = outcome.as_ref().map_or(256, |result| result.as_bytes().len() + 64);
    let mut out = Vec::with_capacity(size);
    if accepts.json || status != StatusCode::OK {
        write_response(&mut out, id, outcome);
        return reply::json(status, out);
    }
    write_event(&mut out, |out| write_response(out, id, outcome));
    reply::whole_events(out)
}

/// Bytes of a result from which on it is not copied.
const PIECE: usize = 32 * 1024;

/// Writes the response to a request.
pub(super) fn write_response(out: &mut Vec<u8>, id: &RequestId, outcome: &Outcome) {
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
        let silence = Box::pin(sleep(MAX_SILENCE));
        Self { source, id, first: Some(first), silence, over: false }
    }

    /// A stream that is open from the start. It begins with the event that makes it resumable, or a comment, so that the client sees at
    /// once that it is open.
    pub(super) fn listening(outbox: Arc<Outbox>) -> Self {
        let greeting = outbox.greeting(0).unwrap_or_else(|| KEEP_ALIVE.to_vec());
        Self::new(Source::of(Reader::new(outbox)), None, greeting)
    }

    /// The rest of a stream whose connection was lost or closed: `missed`, then what comes.
    pub(super) fn resumed(reader: Reader, missed: Vec<u8>) -> Self {
        Self::new(Source::of(reader), None, missed)
    }

    /// The same with work that is done for as long as the stream is read, and writes into it.
    pub(super) fn with_work(mut self, work: BoxFuture<'static, Outcome>) -> Self {
        self.source.work = Some(work);
        self
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
            Poll::Ready(Next::Pause(events)) => {
                self.over = true;
                return Poll::Ready((!events.is_empty()).then_some(events));
            }
            Poll::Ready(Next::End(events, end)) => {
                self.over = true;
                let events = with_answer(events, self.id.as_ref(), &end);
                return Poll::Ready((!events.is_empty()).then_some(events));
            }
            Poll::Pending => {
                ready!(self.silence.as_mut().poll(cx));
                KEEP_ALIVE.to_vec()
            }
        };
        self.silence.as_mut().reset(Instant::now() + MAX_SILENCE);
        Poll::Ready(Some(events))
    }
}
