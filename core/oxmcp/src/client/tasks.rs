mod ask;
mod follow;
mod handle;
mod hosted;
mod outage;
mod told;

use std::future::IntoFuture;
use std::time::Duration;

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{MethodName, RawJson, RawObject};
use oxmcp_proto::methods::TASKS_EXTENSION;
use oxmcp_proto::model::tasks_2025_11_25 as experimental;
use oxmcp_proto::model::{CallToolResult, TaskMetadata};
use oxmcp_proto::{Era, Method, ProtocolVersion};

use self::ask::read;
use self::follow::Created;
use self::handle::At;
use super::looked::Looked;
use super::rounds::Ended;
use super::time::Time;
use super::{Call, Client, Connect, Request};
use crate::{Error, ErrorKind, Result, clock};

pub use self::handle::TaskHandle;
pub(super) use self::hosted::Hosted;
pub(super) use self::told::Told;

impl Connect {
    /// Declares that this client knows tasks (the extension `io.modelcontextprotocol/tasks` of 2026-07-28), so that a server may make a
    /// call a task. A plain call is then followed to its result; [`Request::as_task`] gives the task itself.
    ///
    /// A server of 2025-11-25 may then make its own requests for sampling and elicitation tasks of this client, which keeps at most
    /// [`Limits::tasks`](crate::Limits::tasks) of them, each for [`Limits::task_ttl`](crate::Limits::task_ttl) or as long as the server
    /// wants. The handlers see no difference.
    pub fn tasks(mut self) -> Self {
        self.handlers.tasks = true;
        self.extension(TASKS_EXTENSION, serde_json::Map::new())
    }
}

impl Request<CallToolResult> {
    /// Makes the call a task, if the server wants that (2026-07-28, for a client that [declared](Connect::tasks) that it knows tasks) or if
    /// it can (2025-11-25), and gives a handle of it at once.
    ///
    /// ```
    /// use oxmcp::server::TaskMode;
    /// use oxmcp::{Client, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// let server = Server::new("demo", "1.0.0").task_tool("dig", "Dig a hole.", TaskMode::optional(), || async {
    ///     tokio::task::yield_now().await;
    ///     "a hole"
    /// });
    /// let client = Client::connect(server).tasks().await?;
    /// let digging = client.call_tool("dig", serde_json::json!({})).as_task().await?;
    /// // Now, or after a restart with `client.task(id)`:
    /// assert_eq!(digging.result().await?.joined_text(), "a hole");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) when not both sides know tasks, otherwise as any call.
    pub fn as_task(self) -> TaskRequest {
        TaskRequest { request: self, ttl: None }
    }
}

/// A call about to be made a task. Await it.
#[must_use = "a request is not made until it is awaited"]
#[derive(Debug)]
pub struct TaskRequest {
    request: Request<CallToolResult>,
    ttl: Option<Duration>,
}

impl TaskRequest {
    /// For how long the server is to keep the task, beginning with its creation (2025-11-25; later revisions leave that to the server).
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }
}

impl IntoFuture for TaskRequest {
    type Output = Result<TaskHandle>;
    type IntoFuture = BoxFuture<'static, Result<TaskHandle>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Request { client, call, .. } = self.request;
            client.start_task(call?, self.ttl).await
        })
    }
}

impl Client {
    /// Whether the server may answer a call with a task.
    pub(super) fn may_become_task(&self, method: &MethodName) -> bool {
        *method == MethodName::Known(Method::CallTool)
            && self.inner.extensions.iter().any(|name| **name == *TASKS_EXTENSION)
    }

    /// Calls a tool as a task.
    async fn start_task(&self, mut call: Call, ttl: Option<Duration>) -> Result<TaskHandle> {
        let started = clock::now();
        let time = Time::new(started, call.total.unwrap_or(self.inner.limits.call_total));
        let unsupported = |why: &str| Error::new(ErrorKind::Unsupported, why);
        match self.protocol_version() {
            version if version.era() == Era::Stateless => {
                self.check_extension(TASKS_EXTENSION, "a task")?;
            }
            ProtocolVersion::V2025_11_25 => {
                if !self.capabilities().declares(&["tasks", "requests", "tools", "call"]) {
                    return Err(unsupported("the server did not declare that it runs tools as tasks"));
                }
                call.params = as_experimental_task(&call.params, ttl)?;
            }
            version => return Err(unsupported(&format!("protocol version {version} has no tasks"))),
        }
        let outcome = self.send(&call).await;
        if self.protocol_version().era() == Era::Handshake {
            let result = outcome?;
            let created: experimental::CreateTaskResult = read(&result, "a task")?;
            return Ok(TaskHandle { client: self.clone(), at: At::Task(created.task.task_id, Some(call)) });
        }
        let ended = match self.look(&call, None, outcome)? {
            Looked::Complete(result) => Ended::Complete(result),
            Looked::Interim(interim) => Box::pin(self.to_the_end_of_rounds(&call, time, interim)).await?,
        };
        let at = match ended {
            Ended::Task(created) => At::Task(read::<Created>(&created, "a task")?.task_id, Some(call)),
            Ended::Complete(result) => At::Answered(result),
        };
        Ok(TaskHandle { client: self.clone(), at })
    }
}

/// The parameters of a call that is to be a task (2025-11-25).
fn as_experimental_task(params: &RawJson, ttl: Option<Duration>) -> Result<RawJson> {
    let unreadable = |error| Error::misuse("the parameters of a call cannot be read").with_source(error);
    let ttl = ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    let task = RawJson::of(&TaskMetadata { ttl, ..TaskMetadata::default() }).map_err(unreadable)?;
    let members: RawObject<'_> = params.to().map_err(unreadable)?;
    let mut out = Vec::from(*br#"{"task":"#);
    out.extend_from_slice(task.as_bytes());
    for (name, value) in members.0.iter().filter(|(name, _)| name != "task") {
        out.push(b',');
        oxmcp_proto::jsonrpc::write_json_string(name, &mut out);
        out.push(b':');
        out.extend_from_slice(value.get().as_bytes());
    }
    out.push(b'}');
    Ok(RawJson::from_written(out))
}
