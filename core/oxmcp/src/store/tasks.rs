use futures_util::future::BoxFuture;

use super::StoredTask;
use crate::Result;

/// Keeps tasks: how they stand while they are worked on, and what came of them until their time is up.
///
/// [`MemoryTasks`](super::MemoryTasks) is the default; implement this to keep them elsewhere. The work itself runs in the process that took
/// the call. A store that several processes share lets each of them say how a task stands; what has to reach the work (answers,
/// cancellation) has to reach that process, which is what the `Mcp-Name` header is for.
///
/// Nobody waits for a store longer than [`Limits::store_wait`](crate::Limits::store_wait), the work of a task not at all; a panic in it is
/// caught and logged, and is an error. A call that may be a task and cannot be kept stays an ordinary call.
///
/// ```
/// use oxmcp::{Server, store::MemoryTasks};
///
/// let server = Server::new("demo", "1.0.0").task_store(MemoryTasks::default().tasks(500).bytes(16 << 20));
/// ```
pub trait TaskStore: Send + Sync + 'static {
    /// Keeps a new task. It can be found when this is done: until then its client does not hear of it. If its client gives up before, or this
    /// takes too long, [`remove`](Self::remove) follows, so that no task stays that nobody knows.
    ///
    /// # Errors
    ///
    /// Any; then there is no task. [`Overloaded`](crate::ErrorKind::Overloaded) when there are too many.
    fn create(&self, task: StoredTask) -> BoxFuture<'_, Result<()>>;

    /// Puts a task in the place of the one with its id. A task that is not there any more stays away.
    ///
    /// # Errors
    ///
    /// Any; then the task stays as it was. [`Overloaded`](crate::ErrorKind::Overloaded) when it has grown too large.
    fn update(&self, task: StoredTask) -> BoxFuture<'_, Result<()>>;

    /// The task with an id, if it is there and its time is not up.
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<StoredTask>>>;

    /// The tasks of an owner, oldest first, as many as `limit` at most: from the first, or from where the page before said.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) for a cursor that this store did not give.
    fn list<'a>(
        &'a self,
        owner: &'a str,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<TaskPage>>;

    /// Forgets a task.
    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// Some tasks of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<StoredTask>,
    /// Where the next page begins, when there is one.
    pub next: Option<String>,
}
