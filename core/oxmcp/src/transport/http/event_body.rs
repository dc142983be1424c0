use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::RequestId;
use tokio::time::{Instant, Sleep, sleep};

use super::answer::with_answer;
use super::outbox::{Next, Outbox, Reader};
use super::source::Source;
use super::sse::{KEEP_ALIVE, MAX_SILENCE};
use crate::server::Outcome;

/// The rest of a response once it is a stream of events.
pub(super) struct EventBody {
    source: Source,
    /// The request it answers; none if it is for listening only.
    id: Option<RequestId>,
    first: Option<Vec<u8>>,
    silence: Pin<Box<Sleep>>,
    /// When it ends whatever comes.
    end: Option<Pin<Box<Sleep>>>,
    over: bool,
}

impl EventBody {
    pub(super) fn new(source: Source, id: Option<RequestId>, first: Vec<u8>) -> Self {
        let silence = Box::pin(sleep(MAX_SILENCE));
        Self { source, id, first: Some(first), silence, end: None, over: false }
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

    /// Ends it after so long.
    pub(super) fn end_after(&mut self, time: Duration) {
        self.end = Some(Box::pin(sleep(time)));
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Some(end) = &mut self.end
            && end.as_mut().poll(cx).is_ready()
        {
            self.over = true;
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
