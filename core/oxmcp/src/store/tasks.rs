use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::TaskStatus;

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

/// A task, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTask {
    /// What the protocol calls it. Nobody can guess it.
    pub id: String,
    /// Who alone may see it: a session or a principal, under a name of this library's own. `None` is whoever knows the id. The tasks of a
    /// session are removed when it ends.
    pub owner: Option<String>,
    /// How it stands.
    pub status: TaskStatus,
    /// The same in words, for people or a model.
    pub message: Option<String>,
    /// When it was created.
    pub created: SystemTime,
    /// When it last changed.
    pub updated: SystemTime,
    /// How long it is kept, beginning with its creation.
    pub ttl: Duration,
    /// After how long a client is to ask again.
    pub poll_interval: Duration,
    /// The questions that wait for an answer, while there are any: the object `inputRequests`.
    pub questions: Option<RawJson>,
    /// What its request is answered with, when it is over and was not cancelled.
    pub outcome: Option<Result<RawJson, ErrorObject>>,
}

impl StoredTask {
    /// How large it is, in bytes, roughly.
    pub fn size(&self) -> usize {
        /// What everything of a fixed size costs.
        const FIXED: usize = 512;
        let outcome = match &self.outcome {
            Some(Ok(result)) => result.as_bytes().len(),
            Some(Err(error)) => {
                error.message.len() + error.data.as_ref().map_or(0, |data| data.as_bytes().len())
            }
            None => 0,
        };
        let texts = [Some(&self.id), self.owner.as_ref(), self.message.as_ref()];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        FIXED + texts + self.questions.as_ref().map_or(0, |questions| questions.as_bytes().len()) + outcome
    }
}

/// Some tasks of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<StoredTask>,
    /// Where the next page begins, when there is one.
    pub next: Option<String>,
}
