use std::sync::Arc;

use tokio::sync::oneshot;

use super::Shared;
use super::flights::Flight;
use super::standing::lock;
use crate::server::Outcome;
use crate::transport::http::Sending;

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
