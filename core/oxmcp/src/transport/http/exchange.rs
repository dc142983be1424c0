use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Response, StatusCode};
use oxmcp_proto::jsonrpc::RequestId;
use tokio::time::{Sleep, sleep};

use super::accept::Accepts;
use super::answer::{answer, with_answer};
use super::budget::Admission;
use super::event_body::EventBody;
use super::outbox::{End, Next, Outbox, Reader};
use super::source::Source;
use super::{HttpBody, reply};
use crate::server::Outcome;

/// How long an answer may take before its response becomes a stream that can be resumed.
const MAX_UNRESUMABLE: Duration = Duration::from_secs(1);

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
                reply::events(EventBody::new(self.source, Some(self.id), events))
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
