use std::mem;
use std::sync::{Arc, Mutex};

use oxmcp_proto::jsonrpc::{RequestId, Response};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::standing::lock;
use crate::server::Outcome;
use crate::transport::http::Sending;

/// The requests of the handshake era that nobody answered yet.
#[derive(Default)]
pub(super) struct Flights(pub(super) Mutex<FxHashMap<i64, Flight>>);

pub(super) struct Flight {
    pub(super) sending: Arc<Sending>,
    /// Takes an answer that comes in another way than over the request's own stream.
    pub(super) answer: oneshot::Sender<Outcome>,
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
