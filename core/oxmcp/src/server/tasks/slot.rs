use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::running::Running;
use crate::Context;

/// What a context knows of the task that its call is, or may become.
#[derive(Default)]
pub(in crate::server) struct Slot(Mutex<State>);

#[derive(Default)]
enum State {
    /// It is an ordinary call and may become a task.
    #[default]
    Call,
    /// The handler waits for it to become one.
    Asked(Waker),
    /// It becomes one if it can be kept, which the handler perhaps waits for.
    Trying(Arc<Running>, Option<Waker>),
    /// It is one.
    Task(Arc<Running>),
    /// It stays an ordinary call.
    Refused,
}

impl Slot {
    /// What the handler asks and says from now on is the task's, if it becomes one.
    pub(super) fn try_on(&self, running: Arc<Running>) {
        self.settle(State::Trying(running, None));
    }

    pub(super) fn begin(&self, running: Arc<Running>) {
        self.settle(State::Task(running));
    }

    pub(super) fn refuse(&self) {
        self.settle(State::Refused);
    }

    fn settle(&self, settled: State) {
        let before = std::mem::replace(&mut *self.state(), settled);
        if let State::Asked(waiting) | State::Trying(_, Some(waiting)) = before {
            waiting.wake();
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        matches!(*self.state(), State::Asked(_))
    }

    pub(super) fn task(&self) -> Option<Arc<Running>> {
        match &*self.state() {
            State::Task(running) | State::Trying(running, _) => Some(running.clone()),
            _ => None,
        }
    }

    fn poll_asked(&self, waker: &Waker) -> Poll<bool> {
        let mut state = self.state();
        match &mut *state {
            State::Call => *state = State::Asked(waker.clone()),
            State::Asked(waiting) => waiting.clone_from(waker),
            State::Trying(_, waiting) => *waiting = Some(waker.clone()),
            State::Task(_) => return Poll::Ready(true),
            State::Refused => return Poll::Ready(false),
        }
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self.state() {
            State::Call => "Call",
            State::Asked(_) => "Asked",
            State::Trying(..) => "Trying",
            State::Task(_) => "Task",
            State::Refused => "Refused",
        })
    }
}

impl Context {
    /// Makes the call a task, if it may be one: its client gets the task's handle, and the handler goes on from here in the background.
    /// True if the call is a task then, also if it was one before; false if it stays an ordinary call, because the tool has no
    /// [`TaskMode`](super::TaskMode), the client does not know tasks, or the server has as many as it can or cannot keep it.
    ///
    /// Before this, input comes in rounds of the call, and after it from the task (2026-07-28, extension tasks, "Task Creation"). For a tool
    /// with [`TaskMode::when_asked`](super::TaskMode::when_asked):
    ///
    /// ```
    /// use oxmcp::server::{Arguments, TaskMode, ToolError};
    /// use oxmcp::{Context, Server};
    ///
    /// async fn order(_: Arguments, context: Context) -> Result<String, ToolError> {
    ///     // What has to be known before there is anything to wait for is asked here.
    ///     context.continue_as_task().await;
    ///     tokio::task::yield_now().await;
    ///     Ok("delivered".to_owned())
    /// }
    ///
    /// let server = Server::new("demo", "1.0.0").task_tool("order", "Order it.", TaskMode::optional().when_asked(), order);
    /// ```
    pub async fn continue_as_task(&self) -> bool {
        let Some(slot) = self.task_slot() else { return false };
        std::future::poll_fn(|task| slot.poll_asked(task.waker())).await
    }

    /// The id of the task that the call is, if it is one.
    pub fn task_id(&self) -> Option<String> {
        Some(self.task()?.id().to_owned())
    }

    /// The task that the call is, if it is one.
    pub(in crate::server) fn task(&self) -> Option<Arc<Running>> {
        self.task_slot()?.task()
    }
}
