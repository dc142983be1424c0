use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use oxmcp::client::Started;
use tokio::task::AbortHandle;

use crate::queue::Added;
use crate::{Error, ErrorKind, Event, EventKind, Queue};

/// An operation: its id and the queue in which that means something.
#[derive(Clone)]
pub(crate) struct Operation {
    id: u64,
    queue: Arc<Queue>,
}

/// What an operation is found by in the table.
type Key = (usize, u64);

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

    /// One or the other.
    pub(crate) fn settle(&self, outcome: Result<Bytes, Error>) {
        match outcome {
            Ok(json) => self.complete(json),
            Err(error) => self.fail(&error),
        }
    }

    fn push(&self, kind: EventKind, json: Bytes) {
        self.queue.push(Event { kind, id: self.id, target: 0, json });
    }

    fn key(&self) -> Key {
        (Arc::as_ptr(&self.queue) as usize, self.id)
    }
}

/// The outstanding operations of one client. Being in this table is what makes an operation unsettled: whoever takes it out settles it, so
/// each settles once.
#[derive(Default)]
pub(crate) struct Operations(Mutex<Table>);

#[derive(Default)]
struct Table {
    outstanding: HashMap<Key, Outstanding>,
    next_serial: u64,
}

struct Outstanding {
    /// Tells it from earlier operations of the same id, whose work may not have noticed yet that they are over.
    serial: u64,
    operation: Operation,
    work: Option<Work>,
}

/// What runs for an operation, to stop it.
pub(crate) enum Work {
    Call(Started),
    Task(AbortHandle),
    /// Waits for the end of the client.
    Watch(AbortHandle),
}

impl Work {
    fn stop(&self) {
        match self {
            Self::Call(started) => drop(started.cancel()),
            Self::Task(task) | Self::Watch(task) => task.abort(),
        }
    }
}

/// Names an operation in the table.
#[derive(Clone, Copy)]
pub(crate) struct Ticket {
    key: Key,
    serial: u64,
}

impl Ticket {
    /// Whether this is that operation.
    pub(crate) fn is_of(&self, operation: &Operation) -> bool {
        self.key == operation.key()
    }
}

impl Operations {
    /// Enters an operation. None, and it fails, when there is one of its id, or too many.
    pub(crate) fn begin(&self, operation: Operation, limit: usize) -> Option<Ticket> {
        let error = {
            let mut table = self.table();
            let count = table.outstanding.len();
            let serial = table.next_serial;
            let key = operation.key();
            match table.outstanding.entry(key) {
                Entry::Occupied(_) => Error::new(
                    ErrorKind::Misuse,
                    format!("an operation with the id {} is outstanding", operation.id),
                ),
                Entry::Vacant(_) if count >= limit => Error::new(
                    ErrorKind::Overloaded,
                    format!("{limit} operations are outstanding; wait for some to settle"),
                ),
                Entry::Vacant(vacant) => {
                    vacant.insert(Outstanding { serial, operation, work: None });
                    table.next_serial += 1;
                    return Some(Ticket { key, serial });
                }
            }
        };
        operation.fail(&error);
        None
    }

    /// Says what runs for an operation. If it was cancelled meanwhile, that stops.
    pub(crate) fn attach(&self, ticket: Ticket, work: Work) {
        if let Some(outstanding) = self.table().find(ticket) {
            outstanding.work = Some(work);
            return;
        }
        // With the table unlocked: what stops settles, and looks for itself there.
        work.stop();
    }

    /// Settles an operation, unless it has settled.
    pub(crate) fn settle(&self, ticket: Ticket, outcome: Result<Bytes, Error>) {
        let taken = self.table().take(ticket);
        if let Some(outstanding) = taken {
            outstanding.operation.settle(outcome);
        }
    }

    /// Stops an operation and fails it with `error`. False when it has settled.
    pub(crate) fn stop(&self, operation: &Operation, error: &Error) -> bool {
        let taken = self.table().outstanding.remove(&operation.key());
        let Some(outstanding) = taken else { return false };
        operation.fail(error);
        if let Some(work) = outstanding.work {
            work.stop();
        }
        true
    }

    /// Stops whatever still runs over a connection that is gone, and fails it with `error`.
    pub(crate) fn end(&self, error: &Error) {
        let runs = |_: &Key, it: &mut Outstanding| matches!(it.work, Some(Work::Call(_) | Work::Task(_)));
        let running: Vec<_> = self.table().outstanding.extract_if(runs).collect();
        for (_, Outstanding { operation, work, .. }) in running {
            operation.fail(error);
            if let Some(work) = work {
                work.stop();
            }
        }
    }

    /// Whether an operation is outstanding.
    pub(crate) fn has(&self, ticket: Ticket) -> bool {
        self.table().find(ticket).is_some()
    }

    /// Passes progress on, while the operation is outstanding.
    pub(crate) fn progress(&self, ticket: Ticket, json: Bytes) {
        let woken = {
            let mut table = self.table();
            let Some(Outstanding { operation: Operation { id, queue }, .. }) = table.find(ticket) else {
                return;
            };
            let event = Event { kind: EventKind::Progress, id: *id, target: 0, json };
            // With the table locked, so that the operation cannot settle before.
            (queue.add_advisory(event) == Added::First).then(|| queue.clone())
        };
        if let Some(queue) = woken {
            queue.wake();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn find(&mut self, ticket: Ticket) -> Option<&mut Outstanding> {
        self.outstanding.get_mut(&ticket.key).filter(|it| it.serial == ticket.serial)
    }

    fn take(&mut self, ticket: Ticket) -> Option<Outstanding> {
        match self.outstanding.entry(ticket.key) {
            Entry::Occupied(entry) if entry.get().serial == ticket.serial => Some(entry.remove()),
            _ => None,
        }
    }
}

/// The duty to settle an operation. Dropped without that, by a panic for example, it fails the operation.
pub(crate) struct Duty {
    operations: Arc<Operations>,
    ticket: Ticket,
    is_done: bool,
}

impl Duty {
    pub(crate) fn new(operations: &Arc<Operations>, ticket: Ticket) -> Self {
        Self { operations: operations.clone(), ticket, is_done: false }
    }

    pub(crate) fn settle(mut self, outcome: Result<Bytes, Error>) {
        self.is_done = true;
        self.operations.settle(self.ticket, outcome);
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        if !self.is_done {
            let message = "oxmcp gave the operation up without an outcome; this is a fault of oxmcp";
            self.operations.settle(self.ticket, Err(Error::new(ErrorKind::Internal, message)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use oxmcp::client::Call;
    use oxmcp::{Client, Method, RawJson, Server};

    use super::*;

    #[test]
    fn work_that_comes_after_its_operation_was_stopped_is_stopped_too() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (done, is_done) = mpsc::channel();
        let queue = Queue::new(None);
        let events = queue.clone();
        // Whoever waits for a lock that it holds itself must not keep the test.
        runtime.spawn(async move {
            let server = Server::new("s", "1").tool("wait", "Waits.", std::future::pending::<String>);
            let client = Client::connect(server).await.expect("a client in memory");
            let operations = Arc::new(Operations::default());
            let operation = Operation::new(1, &queue);
            let ticket = operations.begin(operation.clone(), 1).expect("there is room");
            let cancelled = Error::new(ErrorKind::Cancelled, "cancelled");
            assert!(operations.stop(&operation, &cancelled));
            let duty = Duty::new(&operations, ticket);
            let call = Call::new(Method::CallTool, RawJson::from_written(r#"{"name":"wait"}"#));
            let (settled, is_settled) = mpsc::channel();
            let started = client.start(call, move |outcome| {
                let outcome = outcome.map(RawJson::into_bytes).map_err(Error::from);
                settled
                    .send(outcome.as_ref().map_err(|error| error.kind()).map(drop))
                    .expect("the test waits");
                duty.settle(outcome);
            });
            operations.attach(ticket, Work::Call(started));
            assert_eq!(is_settled.recv(), Ok(Err(ErrorKind::Cancelled)));
            done.send(()).expect("the test waits");
        });
        is_done.recv_timeout(Duration::from_secs(60)).expect("nothing waits for itself");
        assert_eq!(events.drain(usize::MAX).len(), 1);
        runtime.shutdown_background();
    }

    #[test]
    fn an_operation_whose_work_is_lost_fails_once() {
        let queue = Queue::new(None);
        let operations = Arc::new(Operations::default());
        let ticket = operations.begin(Operation::new(1, &queue), 1).expect("there is room");
        drop(Duty::new(&operations, ticket));
        Duty::new(&operations, ticket).settle(Ok(Bytes::from_static(b"{}")));
        let events = queue.drain(usize::MAX);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].kind, EventKind::Failed);
        assert!(events[0].json.starts_with(br#"{"kind":"Internal""#));
    }
}
