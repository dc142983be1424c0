use std::sync::Arc;

use oxmcp_proto::jsonrpc::RequestId;
use tokio::task::AbortHandle;

use super::HttpSession;
use crate::transport::http::outbox::Outbox;

/// A request in flight.
pub(super) struct Flight {
    pub(super) number: u64,
    /// Bytes of its message, if they are counted.
    pub(super) bytes: usize,
    /// What runs for it and where its answer goes, once it is known that it takes time.
    pub(super) work: Option<(AbortHandle, Arc<Outbox>)>,
    /// The answer is there, so another request may have the id.
    pub(super) answered: bool,
}

impl Flight {
    pub(super) fn abort(self) {
        if let Some((work, _)) = self.work {
            work.abort();
        }
    }

    /// Whether a client waits for it; its connection may be lost.
    pub(super) fn is_awaited(&self) -> bool {
        self.work.as_ref().is_none_or(|(_, outbox)| !outbox.is_left())
    }
}

/// Why a request may not take off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transport::http) enum Grounded {
    /// The session is over.
    Ended,
    /// A request with the same id is in flight.
    Duplicate,
}

/// Keeps a request in its session's table while it is served.
pub(in crate::transport::http) struct InFlight {
    pub(super) session: Arc<HttpSession>,
    pub(super) id: RequestId,
    pub(super) number: u64,
    /// Requests that were in flight in the session before it.
    pub(in crate::transport::http) others: usize,
    /// The bytes of their messages that count, if those of its own do.
    pub(in crate::transport::http) other_bytes: usize,
}

impl InFlight {
    /// Says what runs for the request, and where its answer goes. If it was cancelled already, that is stopped at once.
    pub(in crate::transport::http) fn attach(&self, work: AbortHandle, outbox: Arc<Outbox>) {
        match self.session.state().flights.get_mut(&self.id) {
            Some(flight) if flight.number == self.number => flight.work = Some((work, outbox)),
            _ => work.abort(),
        }
    }

    /// Says that the answer is there. The id may be used again as soon as the client has it.
    pub(in crate::transport::http) fn answered(&self) {
        if let Some(flight) = self.session.state().flights.get_mut(&self.id)
            && flight.number == self.number
        {
            flight.answered = true;
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
        self.session.used(self.session.clock.now());
    }
}
