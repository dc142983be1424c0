use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use oxmcp::client::Started;
use tokio::task::AbortHandle;

use crate::{Error, ErrorKind, Event, EventKind, Queue};

/// The outstanding operations of one client or server. Being in this table is what makes an operation unsettled: whoever takes it out
/// settles it, so each settles once.
#[derive(Default)]
pub(crate) struct Operations(Mutex<HashMap<Key, Option<Work>>>);

/// An operation: its id and the queue in which that means something.
#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) id: u64,
    pub(crate) queue: Arc<Queue>,
}

type Key = (usize, u64);

/// What runs for an operation, to stop it.
pub(crate) enum Work {
    Call(Started),
    Task(AbortHandle),
}

impl Work {
    fn stop(&self) {
        match self {
            Self::Call(started) => drop(started.cancel()),
            Self::Task(task) => task.abort(),
        }
    }
}

impl Operation {
    pub(crate) fn new(id: u64, queue: &Arc<Queue>) -> Self {
        Self { id, queue: queue.clone() }
    }

    /// Settles an operation that is in no table.
    pub(crate) fn fail(&self, error: &Error) {
        self.push(EventKind::Failed, error.to_json());
    }

    /// The same, with a result.
    pub(crate) fn complete(&self, json: Bytes) {
        self.push(EventKind::Completed, json);
    }

    fn push(&self, kind: EventKind, json: Bytes) {
        self.queue.push(Event { kind, id: self.id, target: 0, json });
    }

    fn key(&self) -> Key {
        (Arc::as_ptr(&self.queue) as usize, self.id)
    }
}

impl Operations {
    /// Enters an operation. False, and it fails, when there is one of its id, or too many.
    pub(crate) fn begin(&self, operation: &Operation, limit: usize) -> bool {
        let error = {
            let mut table = self.lock();
            if table.contains_key(&operation.key()) {
                Error::new(
                    ErrorKind::Misuse,
                    format!("an operation with the id {} is outstanding", operation.id),
                )
            } else if table.len() >= limit {
                Error::new(
                    ErrorKind::Overloaded,
                    format!("{limit} operations are outstanding; wait for some to settle"),
                )
            } else {
                table.insert(operation.key(), None);
                return true;
            }
        };
        operation.fail(&error);
        false
    }

    /// Says what runs for an operation. If it was cancelled meanwhile, that stops.
    pub(crate) fn attach(&self, operation: &Operation, work: Work) {
        if let Some(slot) = self.lock().get_mut(&operation.key()) {
            *slot = Some(work);
            return;
        }
        work.stop();
    }

    /// Settles an operation, unless it has settled.
    pub(crate) fn settle(&self, operation: &Operation, outcome: Result<Bytes, Error>) {
        if self.lock().remove(&operation.key()).is_none() {
            return;
        }
        match outcome {
            Ok(json) => operation.complete(json),
            Err(error) => operation.fail(&error),
        }
    }

    /// Stops an operation and fails it with `error`. False when it has settled.
    pub(crate) fn stop(&self, operation: &Operation, error: &Error) -> bool {
        let Some(work) = self.lock().remove(&operation.key()) else { return false };
        operation.fail(error);
        if let Some(work) = work {
            work.stop();
        }
        true
    }

    /// Whether an operation is outstanding.
    pub(crate) fn has(&self, operation: &Operation) -> bool {
        self.lock().contains_key(&operation.key())
    }

    /// Passes progress on, while the operation is outstanding.
    pub(crate) fn progress(&self, operation: &Operation, json: Bytes) {
        if self.has(operation) {
            let event = Event { kind: EventKind::Progress, id: operation.id, target: 0, json };
            operation.queue.push_advisory(event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Option<Work>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
