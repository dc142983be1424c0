use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use oxmcp::ErrorObject;
use oxmcp::server::{Context, ToolCall, ToolError, ToolHandler, ToolOutput};
use tokio::sync::oneshot;

use crate::{Event, EventKind, Queue};

type Outcome = Result<ToolOutput, ToolError>;

/// What a caller hears from a server that is closed.
const CLOSED: &str = "the server was closed before the tool answered";

/// The number of the next tool call in this process. It stays below 2^53, so that every language can hold it as a number.
static NEXT_CALL: AtomicU64 = AtomicU64::new(1);

/// The tool calls of a server that are with the binding.
pub(crate) struct Calls {
    queue: Arc<Queue>,
    /// None when the server is closed.
    waiting: Mutex<Option<HashMap<u64, WaitingCall>>>,
}

struct WaitingCall {
    answer: oneshot::Sender<Outcome>,
    context: Context,
}

impl Calls {
    /// The number of calls that may be with the binding at once.
    pub(crate) const MAX: usize = 4096;

    pub(crate) fn new(queue: &Arc<Queue>) -> Self {
        Self { queue: queue.clone(), waiting: Mutex::new(Some(HashMap::new())) }
    }

    /// Hands a call to the binding.
    fn begin(self: &Arc<Self>, target: u64, call: ToolCall) -> Result<CallFuture, ToolError> {
        let internal = |message: String| ToolError::Rpc(ErrorObject::internal(message));
        let id = NEXT_CALL.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            let Some(waiting) = waiting.as_mut() else { return Err(internal(CLOSED.to_owned())) };
            if waiting.len() >= Self::MAX {
                return Err(internal(format!("the server is busy: {} tool calls are in flight", Self::MAX)));
            }
            waiting.insert(id, WaitingCall { answer, context: call.context });
        }
        // From here on the future's end takes the call out again.
        let future = CallFuture { calls: self.clone(), id, answered };
        let event = Event { kind: EventKind::ToolCall, id, target, json: call.arguments.into_bytes() };
        if self.queue.push(event) {
            Ok(future)
        } else {
            Err(internal("the server's program no longer takes calls".to_owned()))
        }
    }

    pub(crate) fn respond(&self, id: u64, outcome: Outcome) -> bool {
        self.remove(id).is_some_and(|call| call.answer.send(outcome).is_ok())
    }

    pub(crate) fn context(&self, id: u64) -> Option<Context> {
        self.waiting().as_ref()?.get(&id).map(|call| call.context.clone())
    }

    /// Answers every call with an error, and tells the binding that nobody waits any more. Calls that come later are refused.
    pub(crate) fn end(&self) {
        let waiting = self.waiting().take();
        for (id, call) in waiting.unwrap_or_default() {
            // Its future may be gone already.
            let _ = call.answer.send(Err(ToolError::Rpc(ErrorObject::internal(CLOSED))));
            self.cancelled(id);
        }
    }

    fn remove(&self, id: u64) -> Option<WaitingCall> {
        self.waiting().as_mut()?.remove(&id)
    }

    fn cancelled(&self, id: u64) {
        let event =
            Event { kind: EventKind::CallCancelled, id, target: 0, json: Bytes::from_static(b"null") };
        self.queue.push(event);
    }

    fn waiting(&self) -> MutexGuard<'_, Option<HashMap<u64, WaitingCall>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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
        // An answered call has left the table.
        if self.calls.remove(self.id).is_some() {
            self.calls.cancelled(self.id);
        }
    }
}
