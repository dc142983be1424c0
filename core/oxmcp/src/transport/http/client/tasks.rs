use std::future::Future;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;

/// How long aborted tasks may take to be gone. They are at their next turn, unless their runtime gives them none any more.
const ABORT_PATIENCE: Duration = Duration::from_secs(1);

/// The finished tasks that are kept at most before they are cleared away.
const MIN_SWEEP: usize = 16;

/// The tasks of one client: its connections, what waits for one to be free for the next request, and the ends of responses that are still
/// read. None outlives the client.
#[derive(Default)]
pub(super) struct Tasks(Mutex<State>);

#[derive(Default)]
struct State {
    running: Vec<JoinHandle<()>>,
    /// The number of tasks at which the finished ones are cleared away.
    next_sweep: usize,
    closed: bool,
}

impl Tasks {
    /// Starts a task, unless the client is closed.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // What a task holds may start another when it is dropped, so none is started or ended under the lock.
        let task = tokio::spawn(task);
        let mut state = self.state();
        if state.closed {
            drop(state);
            return task.abort();
        }
        if state.running.len() >= state.next_sweep {
            state.running.retain(|task| !task.is_finished());
            state.next_sweep = MIN_SWEEP.max(2 * state.running.len());
        }
        state.running.push(task);
    }

    /// Ends every task, and starts no more.
    pub(super) async fn close(&self) {
        let tasks = self.abort();
        let gone = async {
            for task in tasks {
                // It is over, in one way or another.
                let _ = task.await;
            }
        };
        if tokio::time::timeout(ABORT_PATIENCE, gone).await.is_err() {
            tracing::debug!("the runtime of a connection does not run any more");
        }
    }

    fn abort(&self) -> Vec<JoinHandle<()>> {
        let tasks = {
            let mut state = self.state();
            state.closed = true;
            mem::take(&mut state.running)
        };
        for task in &tasks {
            task.abort();
        }
        tasks
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.abort();
    }
}

/// Lets the HTTP library start the tasks of a client. It does not keep the client alive.
#[derive(Clone)]
pub(super) struct Executor(Weak<Tasks>);

impl Executor {
    pub(super) fn new(tasks: &Arc<Tasks>) -> Self {
        Self(Arc::downgrade(tasks))
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Executor {
    fn execute(&self, task: F) {
        if let Some(tasks) = self.0.upgrade() {
            tasks.spawn(task);
        }
    }
}
