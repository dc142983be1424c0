use std::mem;
use std::sync::{Arc, Mutex};

use oxmcp_proto::jsonrpc::{RequestId, Response};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::Shared;
use super::standing::lock;
use crate::server::Outcome;
use crate::transport::http::Sending;

/// The requests of the handshake era that nobody answered yet.
#[derive(Default)]
pub(super) struct Flights(Mutex<FxHashMap<i64, Flight>>);

struct Flight {
    sending: Arc<Sending>,
    /// Takes an answer that comes in another way than over the request's own stream.
    answer: oneshot::Sender<Outcome>,
}

impl Flights {
    /// Settles a request whose answer came over a stream that is not its own. No server should do that, and some do.
    pub(super) fn settle(&self, response: Response) {
        let id = match response.id {
            Some(RequestId::Number(id)) => Some(id),
            Some(RequestId::String(id)) => id.parse().ok(),
            None => None,
        };
        match id.and_then(|id| lock(&self.0).remove(&id)) {
            // Whoever waited may have given up.
            Some(flight) => drop(flight.answer.send(response.outcome)),
            None => tracing::debug!(?id, "an answer that nobody waits for"),
        }
    }

    /// Says that a request which the server did not take is sent again.
    pub(super) fn resend(&self, id: i64, sending: Arc<Sending>) {
        if let Some(flight) = lock(&self.0).get_mut(&id) {
            flight.sending = sending;
        }
    }

    /// Forgets all of them; gives those that the server knows.
    pub(super) fn take(&self) -> Vec<i64> {
        let flights = mem::take(&mut *lock(&self.0));
        flights.into_iter().filter_map(|(id, flight)| flight.sending.is_sent().then_some(id)).collect()
    }
}

/// A request that waits for its answer, in the era in which a lost connection does not say that nobody does any more. Dropped before it is
/// settled, it is cancelled.
pub(super) struct InFlight<'a> {
    shared: &'a Arc<Shared>,
    id: i64,
    settled: bool,
}

impl<'a> InFlight<'a> {
    /// Also gives what tells of an answer that comes in another way.
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        id: i64,
        sending: Arc<Sending>,
    ) -> (Self, oneshot::Receiver<Outcome>) {
        let (answer, answered) = oneshot::channel();
        lock(&shared.flights.0).insert(id, Flight { sending, answer });
        (Self { shared, id, settled: false }, answered)
    }

    pub(super) fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let flight = lock(&self.shared.flights.0).remove(&self.id);
        if !self.settled && flight.is_some_and(|flight| flight.sending.is_sent()) {
            self.shared.cancel(self.id);
        }
    }
}
