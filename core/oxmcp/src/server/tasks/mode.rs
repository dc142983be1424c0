use std::sync::Arc;

use oxmcp_proto::model::{TaskSupport, Tool, ToolExecution};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::Tasks;
use crate::auth::Scopes;
use crate::server::tools::{ToolHandler, tool};
use crate::server::{HandlerFn, IntoToolOutput};
use crate::store::TaskStore;
use crate::{Result, Server};

/// Whether calls of a tool may or must be tasks, and from when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskMode {
    pub(super) required: bool,
    pub(super) when_asked: bool,
}

impl TaskMode {
    /// A call is a task when the client can deal with it (2026-07-28) or asks for it (2025-11-25), and an ordinary call otherwise.
    pub fn optional() -> Self {
        Self { required: false, when_asked: false }
    }

    /// A call that cannot be a task is refused.
    pub fn required() -> Self {
        Self { required: true, when_asked: false }
    }

    /// The call begins as an ordinary one, which may ask its client for input, and becomes a task when the handler awaits
    /// [`Context::continue_as_task`](crate::Context::continue_as_task). A client of 2025-11-25 that asks for a task gets it at once all the
    /// same.
    pub fn when_asked(self) -> Self {
        Self { when_asked: true, ..self }
    }

    /// What `execution.taskSupport` of a tool comes to.
    pub(in crate::server) fn of(tool: &Tool) -> Option<Self> {
        match tool.execution.as_ref()?.task_support.as_ref()? {
            TaskSupport::Optional => Some(Self::optional()),
            TaskSupport::Required => Some(Self::required()),
            _ => None,
        }
    }

    /// Says so in what is listed of a tool.
    pub(in crate::server) fn declare(self, tool: &mut Tool) {
        let support = if self.required { TaskSupport::Required } else { TaskSupport::Optional };
        tool.execution.get_or_insert_with(ToolExecution::default).task_support = Some(support);
    }
}

impl Server {
    /// Adds a tool whose calls may, or must, be tasks, or replaces the one of that name. Its handler is like any other
    /// (see [`tool`](Self::tool)); while it runs as a task:
    ///
    /// * It goes on when the connection is lost, and ends when the task is cancelled or its time is up
    ///   ([`Limits::task_ttl`](crate::Limits::task_ttl)): then its future is dropped. A task of 2025-11-25 belongs to its session, and ends with
    ///   it, because nobody else may ask for it.
    /// * The message of its [progress](crate::Context::progress) is what the client reads of the task.
    /// * A question to the client makes the task wait (`input_required`) until it is answered. The handler runs once.
    ///
    /// A call that is answered without ever having to wait is answered as an ordinary one in 2026-07-28.
    ///
    /// ```
    /// use oxmcp::Server;
    /// use oxmcp::server::TaskMode;
    ///
    /// let server = Server::new("demo", "1.0.0").task_tool("dig", "Dig a hole.", TaskMode::optional(), || async {
    ///     tokio::task::yield_now().await;
    ///     "a hole"
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// As [`tool`](Self::tool).
    pub fn task_tool<A, M: 'static, F>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        mode: TaskMode,
        handler: F,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + 'static,
        F: HandlerFn<A, M>,
        F::Output: IntoToolOutput,
    {
        self.with(tool(name, handler).description(description).task(mode))
    }

    /// Adds a tool as `tools/list` will show it, whose calls may, or must, be tasks. Its `execution.taskSupport` becomes what `mode` says.
    /// [`add_tool`](Self::add_tool) does the same for a tool whose `execution.taskSupport` is set.
    ///
    /// # Errors
    ///
    /// As [`add_tool`](Self::add_tool).
    pub fn add_task_tool(&self, tool: Tool, mode: TaskMode, handler: impl ToolHandler) -> Result<()> {
        self.add_built_tool(tool, Some(mode), Scopes::default(), handler)
    }

    /// Where the tasks of this server are kept. Default: [`MemoryTasks`](crate::store::MemoryTasks). Say it before the server is cloned or
    /// served.
    pub fn task_store(mut self, store: impl TaskStore) -> Self {
        self.tasks = Arc::new(Tasks::new(Arc::new(store), self.tasks.are_offered()));
        self
    }
}
