use std::task::{Context, Poll};

use futures_util::future::BoxFuture;

use super::budget::Admission;
use super::outbox::{End, Next, Reader};
use crate::server::Outcome;

/// Where the messages of one response come from: work that is polled in place, and the outbox. Dropping it says that nobody reads any
/// more, and cancels the work.
pub(super) struct Source {
    pub(super) work: Option<BoxFuture<'static, Outcome>>,
    /// The work counts among that of the server.
    pub(super) admission: Option<Admission>,
    pub(super) reader: Reader,
}

impl Source {
    /// What is sent from elsewhere.
    pub(super) fn of(reader: Reader) -> Self {
        Self { work: None, admission: None, reader }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
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
