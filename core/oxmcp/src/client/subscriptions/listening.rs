use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RequestId};
use oxmcp_proto::model::{SubscriptionFilter, SubscriptionsAcknowledgedParams, subscription_id};
use tokio::sync::{oneshot, watch};

use super::wanted::Wanted;
use crate::client::handlers::Handlers;
use crate::{Error, ErrorKind, Result};

/// What a client wants to be told of, and what became of that. In the handshake era it is a note of the resources that were subscribed to;
/// in the stateless era a task keeps a stream open for it.
pub(in crate::client) struct Listening {
    pub(super) wanted: watch::Sender<Wanted>,
    pub(super) heard: watch::Sender<Heard>,
    /// The stream that waits for its acknowledgment.
    expected: Mutex<Option<Expected>>,
    is_running: AtomicBool,
    /// Whether the server may have been asked for something before it was first listened to.
    is_late: AtomicBool,
}

/// A stream that waits for its acknowledgment.
struct Expected {
    /// The id of its request, when it is sent.
    number: Arc<OnceLock<i64>>,
    acknowledge: oneshot::Sender<SubscriptionFilter>,
}

/// What became of the wishes of a generation, and of those before.
pub(super) struct Heard {
    pub(super) generation: u64,
    /// The resources that the server tells about, or why it does not.
    pub(super) outcome: Result<Arc<BTreeSet<String>>, Why>,
    /// Why the last attempt failed that is made again.
    pub(super) trouble: Option<String>,
}

/// An error that several are told.
#[derive(Clone)]
pub(super) struct Why {
    kind: ErrorKind,
    message: String,
    rpc: Option<ErrorObject>,
}

impl From<&Error> for Why {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind(), message: error.to_string(), rpc: error.rpc().cloned() }
    }
}

impl From<&Why> for Error {
    fn from(why: &Why) -> Self {
        match &why.rpc {
            Some(rpc) => Self::from(rpc.clone()),
            None => Self::new(why.kind, why.message.clone()),
        }
    }
}

impl Listening {
    /// Wants to be told of the lists for which there is a handler, and which the server said may change.
    pub(in crate::client) fn new(handlers: &Handlers, declares: impl Fn(&[&str]) -> bool) -> Self {
        let wants = |list: &str| handlers.list_changed.is_some() && declares(&[list, "listChanged"]);
        let wanted = Wanted {
            generation: 1,
            asked: 1,
            tools: wants("tools"),
            prompts: wants("prompts"),
            resources: wants("resources"),
            ..Wanted::default()
        };
        let nothing = Heard { generation: 0, outcome: Ok(Arc::default()), trouble: None };
        Self {
            wanted: watch::Sender::new(wanted),
            heard: watch::Sender::new(nothing),
            expected: Mutex::default(),
            is_running: AtomicBool::new(false),
            is_late: AtomicBool::new(false),
        }
    }

    /// Takes what a server acknowledged.
    pub(in crate::client) fn acknowledged(&self, params: &RawJson) {
        let Ok(params) = params.to::<SubscriptionsAcknowledgedParams>() else {
            tracing::warn!("the server sent a malformed acknowledgment");
            return;
        };
        let id = subscription_id(params.meta.as_ref());
        let is_for = |expected: &mut Expected| {
            expected.number.get().is_some_and(|number| id == Some(RequestId::Number(*number)))
        };
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner).take_if(is_for);
        match expected {
            // Whoever waited may have given up.
            Some(expected) => drop(expected.acknowledge.send(params.notifications)),
            None => tracing::debug!("an acknowledgment for which nobody waits"),
        }
    }

    /// Expects the acknowledgment of a stream whose request will have this number, instead of that of any other.
    pub(super) fn expect(&self, number: Arc<OnceLock<i64>>) -> oneshot::Receiver<SubscriptionFilter> {
        let (acknowledge, acknowledged) = oneshot::channel();
        let expected = Expected { number, acknowledge };
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) = Some(expected);
        acknowledged
    }

    /// Changes what is wanted.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Wanted) -> T) -> T {
        let mut changed = None;
        self.wanted.send_if_modified(|wanted| {
            let before = wanted.generation;
            changed = Some(change(wanted));
            wanted.generation != before
        });
        changed.unwrap_or_else(|| unreachable!("a watch runs what changes it"))
    }

    /// The resources of which the server agreed to tell.
    pub(super) fn agreed(&self) -> Vec<String> {
        self.wanted.borrow().agreed()
    }

    pub(super) fn has_wishes(&self) -> bool {
        !self.wanted.borrow().is_nothing()
    }

    /// Says that a task begins to listen. False if there is one.
    pub(super) fn begin(&self) -> bool {
        !self.is_running.swap(true, Ordering::Relaxed)
    }

    /// Says that calls are made before the server is listened to.
    pub(super) fn be_late(&self) {
        self.is_late.store(true, Ordering::Relaxed);
    }

    /// Whether that is so; the question settles it.
    pub(super) fn was_late(&self) -> bool {
        self.is_late.swap(false, Ordering::Relaxed)
    }

    /// Says what became of the wishes up to a generation.
    pub(super) fn hear(&self, generation: u64, outcome: Result<Arc<BTreeSet<String>>, Why>) {
        self.heard.send_replace(Heard { generation, outcome, trouble: None });
    }

    /// Says why the server does not hear of them yet.
    pub(super) fn hear_of_trouble(&self, error: &Error) {
        self.heard.send_if_modified(|heard| {
            heard.trouble = Some(error.to_string());
            // It settles nothing.
            false
        });
    }
}
