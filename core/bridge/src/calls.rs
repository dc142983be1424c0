use std::collections::{HashMap, HashSet};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use oxmcp::ErrorObject;
use oxmcp::server::{Context, ToolCall, ToolError, ToolHandler, ToolOutput};
use tokio::sync::oneshot;

use crate::queue::Added;
use crate::{Event, EventKind, Queue};

type Outcome = Result<ToolOutput, ToolError>;

/// What a caller hears from a server that is closed.
pub(crate) const CLOSED: &str = "the server was closed before the tool answered";

/// What a caller hears from a server whose binding has closed its queue.
pub(crate) const GONE: &str = "the server's program no longer takes calls";

/// The tool calls of a server that are with the binding: in its queue, or taken and not yet answered.
pub(crate) struct Calls {
    queue: Arc<Queue>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    waiting: HashMap<u64, WaitingCall>,
    /// The bytes of all that wait.
    bytes: usize,
    /// Why there are no more calls.
    ended: Option<&'static str>,
}

struct WaitingCall {
    answer: oneshot::Sender<Outcome>,
    context: Context,
    bytes: usize,
}

impl Calls {
    /// The number of calls that may be with the binding at once.
    pub(crate) const MAX: usize = 4096;

    /// The bytes of arguments and `_meta` that may be with the binding at once. A single call may have more.
    pub(crate) const MAX_BYTES: usize = 64 << 20;

    pub(crate) fn new(queue: &Arc<Queue>) -> Arc<Self> {
        let calls = Arc::new(Self { queue: queue.clone(), table: Mutex::default() });
        queue.add_caller(&calls);
        calls
    }

    /// Hands a call to the binding.
    fn begin(self: &Arc<Self>, target: u64, call: ToolCall) -> Result<CallFuture, ToolError> {
        let id = Event::next_id();
        let ToolCall { arguments, context } = call;
        let bytes = arguments.as_bytes().len() + context.meta().map_or(0, |meta| meta.as_bytes().len());
        let event = Event { kind: EventKind::ToolCall, id, target, json: arguments.into_bytes() };
        let (answer, answered) = oneshot::channel();
        let added = {
            let mut table = self.table();
            table.check(bytes).map_err(|why| ToolError::Rpc(ErrorObject::internal(why)))?;
            // With the table locked: a call in the table is in the queue until it is drained.
            let added = self.queue.add(event);
            if added == Added::Not {
                return Err(ToolError::Rpc(ErrorObject::internal(GONE)));
            }
            table.bytes += bytes;
            table.waiting.insert(id, WaitingCall { answer, context, bytes });
            added
        };
        if added == Added::First {
            self.queue.wake();
        }
        // Its end takes the call out again.
        Ok(CallFuture { calls: self.clone(), id, answered })
    }

    pub(crate) fn respond(&self, id: u64, outcome: Outcome) -> bool {
        self.remove(id).is_some_and(|call| call.answer.send(outcome).is_ok())
    }

    pub(crate) fn context(&self, id: u64) -> Option<Context> {
        self.table().waiting.get(&id).map(|call| call.context.clone())
    }

    /// Answers every call with an error, and tells the binding that nobody waits any more. Calls that come later are refused.
    pub(crate) fn end(&self, why: &'static str) {
        let waiting = {
            let mut table = self.table();
            table.ended.get_or_insert(why);
            table.bytes = 0;
            mem::take(&mut table.waiting)
        };
        if waiting.is_empty() {
            return;
        }
        let mut drained: HashSet<u64> = waiting.keys().copied().collect();
        for never_seen in self.queue.take_back_all(&waiting) {
            drained.remove(&never_seen.id);
        }
        for (id, call) in waiting {
            // Its future may be gone already.
            let _ = call.answer.send(Err(ToolError::Rpc(ErrorObject::internal(why))));
            if drained.contains(&id) {
                self.cancelled(id);
            }
        }
    }

    /// The caller no longer waits. A call that the binding has not seen yet, it never sees.
    fn abandon(&self, id: u64) {
        // An answered call has left the table.
        if self.remove(id).is_some() && !self.queue.take_back(id) {
            self.cancelled(id);
        }
    }

    fn remove(&self, id: u64) -> Option<WaitingCall> {
        let mut table = self.table();
        let call = table.waiting.remove(&id)?;
        table.bytes -= call.bytes;
        Some(call)
    }

    fn cancelled(&self, id: u64) {
        let event =
            Event { kind: EventKind::CallCancelled, id, target: 0, json: Bytes::from_static(b"null") };
        self.queue.push(event);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Whether there is room for a call of so many bytes. If not, why.
    fn check(&self, bytes: usize) -> Result<(), String> {
        if let Some(why) = self.ended {
            return Err(why.to_owned());
        }
        if self.waiting.len() >= Calls::MAX {
            return Err(format!("the server is busy: {} tool calls are in flight", Calls::MAX));
        }
        if self.bytes > 0 && self.bytes.saturating_add(bytes) > Calls::MAX_BYTES {
            return Err(format!(
                "the server is busy: the tool calls in flight have {} bytes of arguments, and this one's {bytes} are too many with them",
                self.bytes
            ));
        }
        Ok(())
    }
}

/// Runs a tool by handing its calls to the binding.
pub(crate) struct CallHandler {
    calls: Arc<Calls>,
    target: u64,
}

impl CallHandler {
    pub(crate) fn new(calls: &Arc<Calls>, target: u64) -> Self {
        Self { calls: calls.clone(), target }
    }
}

impl ToolHandler for CallHandler {
    fn call(&self, call: ToolCall) -> BoxFuture<'static, Outcome> {
        match self.calls.begin(self.target, call) {
            Ok(future) => Box::pin(future),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// Waits for the binding's answer. Dropped before that, it tells the binding that nobody waits any more.
struct CallFuture {
    calls: Arc<Calls>,
    id: u64,
    answered: oneshot::Receiver<Outcome>,
}

impl Future for CallFuture {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.answered).poll(cx).map(|answered| match answered {
            Ok(outcome) => outcome,
            Err(_) => Err(ToolError::Rpc(ErrorObject::internal("the server's program dropped the call"))),
        })
    }
}

impl Drop for CallFuture {
    fn drop(&mut self) {
        self.calls.abandon(self.id);
    }
}
