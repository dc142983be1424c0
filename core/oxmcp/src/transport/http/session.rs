mod flight;
mod policy;
mod resumed;

use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::RequestId;
use rustc_hash::FxHashMap;
use uuid::Uuid;

use self::flight::Flight;
pub(super) use self::flight::{Grounded, InFlight};
pub(super) use self::policy::Policy;
pub(super) use self::resumed::Resumed;
use super::asks::Asks;
use super::clock::Clock;
use super::listeners::{Delivery, Listeners};
use super::outbox::Outbox;
use super::resumption::Resumption;
use crate::server::{Outcome, Session};
use crate::store::SessionKey;

/// A session: what `initialize` settled, what is in flight both ways, and who listens. There may be many of them, so it is small.
pub(super) struct HttpSession {
    pub(super) handshake: Arc<Session>,
    policy: Arc<Policy>,
    key: SessionKey,
    clock: Clock,
    last_use: AtomicU64,
    last_stream: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    flights: FxHashMap<RequestId, Flight>,
    next_flight: u64,
    listeners: Listeners,
    asks: Asks,
    ended: bool,
}

impl HttpSession {
    pub(super) fn new(handshake: Arc<Session>, clock: Clock, policy: Arc<Policy>) -> Self {
        Self {
            handshake,
            policy,
            key: SessionKey(Uuid::new_v4().as_u64_pair().1),
            clock,
            last_use: AtomicU64::new(clock.now()),
            last_stream: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How its streams outlive their connections, if they do.
    pub(super) fn resumption(&self) -> Option<&Resumption> {
        self.policy.resumption.as_ref()
    }

    /// What its streams are kept under.
    pub(super) fn key(&self) -> SessionKey {
        self.key
    }

    /// A number for one more stream.
    pub(super) fn next_stream(&self) -> u64 {
        self.last_stream.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn last_use(&self) -> u64 {
        self.last_use.load(Ordering::Relaxed)
    }

    /// Says that it is used.
    pub(super) fn used(&self, now: u64) {
        self.last_use.store(now, Ordering::Relaxed);
    }

    /// Takes a request into the session, of whose message so many bytes count. It can be cancelled from now on, until the guard is dropped.
    pub(super) fn take_off(self: &Arc<Self>, id: &RequestId, bytes: usize) -> Result<InFlight, Grounded> {
        let mut state = self.state();
        if state.ended {
            return Err(Grounded::Ended);
        }
        let number = state.next_flight;
        let others = state.flights.len();
        let other_bytes = match bytes {
            0 => 0,
            _ => state.flights.values().map(|flight| flight.bytes).sum(),
        };
        let flight = Flight { number, bytes, work: None, answered: false };
        match state.flights.entry(id.clone()) {
            Entry::Occupied(slot) if !slot.get().answered => return Err(Grounded::Duplicate),
            slot => drop(slot.insert_entry(flight)),
        }
        state.next_flight += 1;
        drop(state);
        Ok(InFlight { session: self.clone(), id: id.clone(), number, others, other_bytes })
    }

    /// Cancels a request. Nothing happens when it is not in flight.
    pub(super) fn cancel(&self, id: &RequestId) {
        let flight = self.state().flights.remove(id);
        if let Some(flight) = flight {
            flight.abort();
        }
    }

    /// Opens a stream for listening. `None` when the session is over.
    pub(super) fn listen(self: &Arc<Self>) -> Option<Arc<Outbox>> {
        let outbox = Outbox::listening(self);
        let mut state = self.state();
        if state.ended {
            return None;
        }
        state.listeners.add(outbox.clone());
        drop(state);
        outbox.keep();
        Some(outbox)
    }

    /// Tells its client on a stream for listening what changes, for as long as that is read.
    pub(super) fn tell_changes(&self, outbox: &Arc<Outbox>) -> BoxFuture<'static, Outcome> {
        let telling = self.handshake.tell_changes(outbox.clone());
        Box::pin(async move { match telling.await {} })
    }

    /// Sends a message that belongs to no request. False when nobody listens.
    pub(super) fn send(&self, write: impl Fn(&mut Vec<u8>)) -> bool {
        let delivery = self.state().listeners.put(write);
        match delivery {
            Delivery::On(stream) => stream.keep(),
            Delivery::Waiting => {}
            Delivery::Lost => return false,
        }
        true
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        self.state().ended
    }

    pub(super) fn with_asks<T>(&self, act: impl FnOnce(&mut Asks) -> T) -> T {
        act(&mut self.state().asks)
    }

    /// Ends the streams for listening.
    pub(super) fn end_listening(&self) {
        self.state().listeners.end();
    }

    /// Cancels everything in flight, settles what its client was asked, and ends the streams.
    pub(super) fn end(&self) {
        let (flights, asks) = {
            let mut state = self.state();
            state.ended = true;
            state.listeners.end();
            (std::mem::take(&mut state.flights), state.asks.end())
        };
        drop(asks);
        flights.into_values().for_each(Flight::abort);
        self.handshake.end();
        if let Some(resumption) = self.resumption() {
            resumption.remove_session(self.key);
        }
    }

    /// Whether a client waits for something of it right now, which counts as a use.
    pub(super) fn is_in_use(&self, now: u64) -> bool {
        let state = self.state();
        let in_use = state.listeners.any() || state.flights.values().any(Flight::is_awaited);
        if in_use {
            self.used(now);
        }
        in_use
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
