//! Calls of tools that go on as tasks: the extension `io.modelcontextprotocol/tasks` of 2026-07-28, and the experimental tasks of
//! 2025-11-25. One kind of task serves both; they differ in who decides that a call becomes one, and in what goes over the wire.

mod answer;
mod at_work;
mod draft;
mod drive;
mod form;
mod mode;
mod question;
mod running;
mod session;
mod slot;
mod start;
mod status;
mod store;
mod watch;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use mode::TaskMode;

pub(super) use slot::Slot;
pub(super) use watch::Watched;

use crate::store::{MemoryTasks, TaskStore};
use at_work::AtWork;
use store::Store;

/// The tasks of a server: where they are kept, and those that this process works on.
pub(super) struct Tasks {
    store: Arc<dyn TaskStore>,
    at_work: Mutex<AtWork>,
    /// Whether a tool was added that may run as a task.
    offered: AtomicBool,
}

impl Tasks {
    pub(super) fn new(store: Arc<dyn TaskStore>, offered: bool) -> Self {
        Self { store, at_work: Mutex::default(), offered: AtomicBool::new(offered) }
    }

    /// Whether a tool was added that may run as a task. Only then the server speaks of tasks.
    pub(super) fn are_offered(&self) -> bool {
        self.offered.load(Ordering::Acquire)
    }

    pub(super) fn offer(&self) {
        self.offered.store(true, Ordering::Release);
    }

    /// Where they are kept; it may take so long.
    fn store(&self, patience: Duration) -> Store<'_> {
        Store::new(&*self.store, patience)
    }

    fn at_work(&self) -> MutexGuard<'_, AtWork> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new(Arc::new(MemoryTasks::default()), false)
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("at_work", &self.at_work().len()).finish_non_exhaustive()
    }
}
