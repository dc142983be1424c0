//! One end of a stream of messages: its handle, and the task that reads, serves, settles and writes for its [`Link`].

mod cancel_on_drop;
mod driver;
mod guard;
mod peers;
mod role;
mod waiter;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;
use futures_util::task::AtomicWaker;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, Notification, RawJson, RequestId, write_on_one_line};
use oxmcp_proto::link::{CallError, CallId, CallOptions, CloseReason, Link, Patience, Ticket};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::{Limits, clock};

pub(crate) use self::cancel_on_drop::CancelOnDrop;
pub(crate) use self::driver::{NO_PROCESS, drive};
pub(crate) use self::guard::{guard, panic_words};
pub(crate) use self::peers::{ConnectionPeer, SessionPeer};
pub(crate) use self::role::Role;
pub(crate) use self::waiter::{Done, ProgressFn, Waiter};

/// The handle of a connection: makes calls and closes. Clones are the same connection.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Shared>);

struct Shared {
    link: Mutex<Link<Waiter, AbortHandle>>,
    waker: AtomicWaker,
    /// How long the peer has to answer what its server asks.
    patience: Patience,
    /// Who waits until the peer has taken what was sent.
    waiting: Mutex<FxHashMap<(usize, usize), Waker>>,
    any_waiting: AtomicBool,
    /// Notifications of the peer that layers held up, and let go on.
    released: Mutex<Vec<Notification>>,
    any_released: AtomicBool,
}

/// Unsent bytes past which nothing is sent that can wait.
const ROOM: usize = 64 * 1024;

impl Connection {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Shared {
            link: Mutex::new(Link::new(limits.link())),
            waker: AtomicWaker::new(),
            patience: Patience::total(limits.input_wait),
            waiting: Mutex::default(),
            any_waiting: AtomicBool::new(false),
            released: Mutex::default(),
            any_released: AtomicBool::new(false),
        }))
    }

    /// Makes a call. Its waiter is settled exactly once, here if the call cannot be made.
    pub(crate) fn call(
        &self,
        method: &str,
        options: CallOptions,
        waiter: Waiter,
        params: impl FnOnce(CallId, &mut Vec<u8>),
    ) -> Option<CallId> {
        let made = self.link().call(clock::now(), method, options, waiter, params);
        match made {
            Ok(call) => {
                self.0.waker.wake();
                Some(call)
            }
            Err((waiter, error)) => {
                waiter.settle(Err(error));
                None
            }
        }
    }

    /// Stops waiting for a call: its waiter is settled, the peer is told. False when it has settled already.
    pub(crate) fn cancel(&self, call: CallId, reason: &str) -> bool {
        let cancelled = self.link().cancel(call, reason);
        let Some(waiter) = cancelled else { return false };
        self.0.waker.wake();
        waiter.settle(Err(CallError::Cancelled));
        true
    }

    /// Settles a call that did not reach the peer.
    pub(crate) fn fail(&self, id: &RequestId, error: CallError) {
        let failed = self.link().settle(id);
        if let Some(waiter) = failed {
            waiter.settle(Err(error));
        }
    }

    /// Whether a call of this end is in flight.
    pub(crate) fn is_waiting(&self) -> bool {
        self.link().calls_in_flight() > 0
    }

    /// Makes a call as a future; dropping it cancels the call.
    pub(crate) fn ask(
        self,
        method: Method,
        params: RawJson,
    ) -> BoxFuture<'static, Result<RawJson, CallError>> {
        Box::pin(async move {
            let (sender, receiver) = oneshot::channel();
            let waiter = Waiter { done: Done::Channel(sender), progress: None };
            let options = CallOptions { patience: self.0.patience, cancellable: true };
            let call = self.call(method.name(), options, waiter, |_, out| params.write_on_one_line(out));
            let guard = CancelOnDrop { connection: &self, call };
            let outcome = receiver.await;
            guard.disarm();
            outcome.unwrap_or(Err(CallError::Cancelled))
        })
    }

    /// Sends a notification.
    pub(crate) fn notify(&self, method: Method, params: &[u8]) -> bool {
        self.notify_of(method.name(), params)
    }

    /// Sends a notification, whatever it is.
    pub(crate) fn notify_of(&self, method: &str, params: &[u8]) -> bool {
        let sent = self.link().notify(method, |out| write_on_one_line(params, out));
        self.0.waker.wake();
        sent
    }

    /// Waits until the peer has taken what was sent, if it is much.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.link().unsent() < ROOM {
            return Poll::Ready(());
        }
        {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let waker = cx.waker();
            // Those are the same that would wake the same.
            let key = (waker.data() as usize, std::ptr::from_ref(waker.vtable()) as usize);
            waiting.entry(key).or_insert_with(|| waker.clone());
            self.0.any_waiting.store(true, Ordering::SeqCst);
        }
        // It may have been taken just now, before anybody was known to wait.
        if self.link().unsent() < ROOM { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Wakes who waits until the peer has taken what was sent.
    fn has_room(&self) {
        if self.0.any_waiting.load(Ordering::SeqCst) {
            let waiting = {
                let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                self.0.any_waiting.store(false, Ordering::SeqCst);
                std::mem::take(&mut *waiting)
            };
            waiting.into_values().for_each(Waker::wake);
        }
    }

    /// Takes a notification of the peer that layers held up.
    fn release(&self, notification: Notification) {
        self.0.released.lock().unwrap_or_else(PoisonError::into_inner).push(notification);
        self.0.any_released.store(true, Ordering::Release);
        self.0.waker.wake();
    }

    /// What layers held up and let go on since the last time.
    fn take_released(&self) -> Vec<Notification> {
        if !self.0.any_released.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut released = self.0.released.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.any_released.store(false, Ordering::Release);
        std::mem::take(&mut *released)
    }

    /// Settles everything and ends the connection.
    pub(crate) fn close(&self, reason: CloseReason) {
        let (waiters, tasks) = self.link().close(reason);
        for task in tasks {
            task.abort();
        }
        for (waiter, error) in waiters {
            waiter.settle(Err(error));
        }
        self.0.waker.wake();
    }

    /// Why the connection is closed, if it is.
    pub(crate) fn closed(&self) -> Option<CloseReason> {
        self.link().closed().cloned()
    }

    fn respond(&self, ticket: &Ticket, outcome: Result<RawJson, ErrorObject>) {
        self.link().respond(ticket, outcome.as_ref());
    }

    fn link(&self) -> MutexGuard<'_, Link<Waiter, AbortHandle>> {
        self.0.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
