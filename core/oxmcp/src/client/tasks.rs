use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered, Stream, StreamExt};
use oxmcp_proto::jsonrpc::{ErrorObject, MethodName, RawJson, RawObject};
use oxmcp_proto::methods::TASKS_EXTENSION;
use oxmcp_proto::model::tasks_2025_11_25 as experimental;
use oxmcp_proto::model::{CallToolResult, Task, TaskMetadata, TaskStatus};
use oxmcp_proto::{Era, Method, ProtocolVersion};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::call::Looked;
use super::rounds::Ended;
use super::time::Time;
use super::{Call, Channel, Client, Connect, Request};
use crate::{Error, ErrorKind, Result, clock};

/// The shortest and the longest time between two questions how a task stands, whatever the server says.
const SHORTEST_POLL: Duration = Duration::from_millis(20);
const LONGEST_POLL: Duration = Duration::from_secs(60);

/// How often in a row a server that cannot be reached over HTTP is asked once more how a task stands.
const RETRIES: u32 = 3;

impl Connect {
    /// Declares that this client knows tasks (the extension `io.modelcontextprotocol/tasks` of 2026-07-28), so that a server may make a
    /// call a task. A plain call is then followed to its result; [`Request::as_task`] gives the task itself.
    pub fn tasks(self) -> Self {
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

/// A task of the server. Dropping the handle leaves the task alone; [`Client::task`] gives another one.
#[derive(Clone)]
pub struct TaskHandle {
    client: Client,
    at: At,
}

#[derive(Clone)]
enum At {
    /// The call was answered at once.
    Answered(RawJson),
    /// The task with an id, and the call that became it, if this client made it.
    Task(String, Option<Call>),
}

impl Client {
    /// A handle of a task by its id, such as one that was kept while this program was not running.
    pub fn task(&self, id: impl Into<String>) -> TaskHandle {
        TaskHandle { client: self.clone(), at: At::Task(id.into(), None) }
    }

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

    /// Follows a task that a plain call became to its result. Dropping the future cancels the task.
    pub(super) async fn follow(&self, created: &RawJson, time: Time) -> Result<RawJson> {
        let created: Created = read(created, "a task")?;
        let mut unfinished = CancelOnDrop { client: self, task: Some(&created.task_id) };
        let outcome = self.task_result(&created.task_id, created.poll_interval_ms, time).await;
        // What the server says of a task's end needs no cancelling.
        let is_over = match &outcome {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::Rpc,
        };
        if is_over {
            unfinished.task = None;
        }
        outcome
    }

    /// Waits for what comes of a task, and gives the input that it needs.
    async fn task_result(&self, id: &str, poll_ms: Option<u64>, time: Time) -> Result<RawJson> {
        if self.protocol_version().era() == Era::Handshake {
            return self.experimental_result(id, time).await;
        }
        let mut asked = FxHashSet::<String>::default();
        let mut inputs = FuturesUnordered::new();
        let mut poll = self.poll_interval(poll_ms);
        loop {
            tokio::select! {
                () = self.closed() => return Err(self.closed_error()),
                () = tokio::time::sleep(poll.min(time.left()?)) => {}
                Some((key, input)) = inputs.next(), if !inputs.is_empty() => {
                    self.update_task(id, key, input?, time).await?;
                }
            }
            let json = self.ask_patiently(Method::GetTask, id, time).await?;
            let task: Detailed<'_> = read(&json, "a task")?;
            poll = self.poll_interval(task.poll_interval_ms);
            match task.status {
                TaskStatus::Working => {}
                TaskStatus::InputRequired => {
                    let questions = task.input_requests.as_ref().map_or(&[][..], |questions| &questions.0);
                    for (key, request) in questions {
                        // A question stays there until the server has taken its answer.
                        if asked.len() < MAX_QUESTIONS && asked.insert(key.to_string()) {
                            let input = self.input_for("a task", &json, key, request)?;
                            let key = key.to_string();
                            inputs.push(async move { (key, input.await) });
                        }
                    }
                }
                TaskStatus::Completed => {
                    let result = task.result.ok_or_else(|| broken("is completed and has no result"))?;
                    return Ok(json.part(result));
                }
                TaskStatus::Failed => {
                    let error = task.error.ok_or_else(|| broken("failed and has no error"))?;
                    return Err(Error::from(oxmcp_proto::link::CallError::Rpc(error)));
                }
                TaskStatus::Cancelled => return Err(cancelled(task.status_message.as_deref())),
            }
        }
    }

    /// The same for the tasks of 2025-11-25, which ask for input while somebody waits for their result.
    async fn experimental_result(&self, id: &str, time: Time) -> Result<RawJson> {
        loop {
            let json = self.ask_patiently(Method::GetTask, id, time).await?;
            let task: experimental::GetTaskResult = read(&json, "a task")?;
            match task.task.status {
                TaskStatus::Working => {
                    let poll = self.poll_interval(task.task.poll_interval);
                    self.while_open(time, tokio::time::sleep(poll)).await?;
                }
                TaskStatus::Cancelled => return Err(cancelled(task.task.status_message.as_deref())),
                _ => {
                    let left = time.left()?;
                    let call = task_call(Method::TaskResult, id)?.timeout(left).max_timeout(left);
                    return self.send(&call).await.map_err(|error| time.explain(error));
                }
            }
        }
    }

    async fn update_task(&self, id: &str, key: String, input: RawJson, time: Time) -> Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Params<'a> {
            task_id: &'a str,
            input_responses: std::collections::BTreeMap<String, RawJson>,
        }
        let params = RawJson::of(&Params { task_id: id, input_responses: [(key, input)].into() })
            .map_err(|error| Error::misuse("the input has no JSON").with_source(error))?;
        let call = Call::new(Method::UpdateTask, params).max_timeout(time.left()?);
        self.send(&call).await.map(drop)
    }

    /// Asks about a task; a server that cannot be reached for a moment is asked again.
    async fn ask_patiently(&self, method: Method, id: &str, time: Time) -> Result<RawJson> {
        let mut failures = 0;
        loop {
            let call = task_call(method, id)?.max_timeout(time.left()?);
            match self.send(&call).await {
                Err(error) if failures < RETRIES && self.may_pass(&error) => failures += 1,
                answer => return answer.map_err(|error| time.explain(error)),
            }
            let pause = self.poll_interval(None) * failures;
            self.while_open(time, tokio::time::sleep(pause)).await?;
        }
    }

    /// Whether a failure may pass by itself: over HTTP, where each request has a way of its own.
    fn may_pass(&self, error: &Error) -> bool {
        matches!(self.inner.channel, Channel::Http(_)) && error.may_pass()
    }

    fn poll_interval(&self, millis: Option<u64>) -> Duration {
        let interval = millis.map_or(self.inner.limits.task_poll, Duration::from_millis);
        interval.clamp(SHORTEST_POLL, LONGEST_POLL)
    }
}

/// The questions of one task that this client answers.
const MAX_QUESTIONS: usize = 1024;

impl TaskHandle {
    /// The id, to keep. `None` when the server answered the call at once instead of making it a task.
    pub fn id(&self) -> Option<&str> {
        match &self.at {
            At::Answered(_) => None,
            At::Task(id, _) => Some(id),
        }
    }

    /// Asks how the task stands. `None` when there is no task, because the call was answered at once.
    ///
    /// # Errors
    ///
    /// [`Rpc`](ErrorKind::Rpc) when the server does not know the task (any more), otherwise as any call.
    pub async fn status(&self) -> Result<Option<Task>> {
        let At::Task(id, _) = &self.at else { return Ok(None) };
        let json = self.client.send(&task_call(Method::GetTask, id)?).await?;
        Ok(Some(match self.client.protocol_version().era() {
            Era::Stateless => read(&json, "a task")?,
            Era::Handshake => {
                let task = read::<experimental::GetTaskResult>(&json, "a task")?.task;
                Task {
                    task_id: task.task_id,
                    status: task.status,
                    status_message: task.status_message,
                    created_at: task.created_at,
                    last_updated_at: task.last_updated_at,
                    ttl_ms: task.ttl,
                    poll_interval_ms: task.poll_interval,
                    extra: task.extra,
                }
            }
        }))
    }

    /// How the task stands, now and whenever that has changed, until it is over; asks as often as the server says. Questions of the task are
    /// answered by [`result`](Self::result) alone.
    pub fn updates(&self) -> impl Stream<Item = Result<Task>> + Send + use<> {
        struct Watch {
            handle: TaskHandle,
            last: Option<Task>,
        }
        let watch = Watch { handle: self.clone(), last: None };
        stream::try_unfold(watch, |mut watch| async move {
            loop {
                if let Some(last) = &watch.last {
                    if last.status.is_terminal() {
                        return Ok(None);
                    }
                    let client = &watch.handle.client;
                    tokio::select! {
                        () = tokio::time::sleep(client.poll_interval(last.poll_interval_ms)) => {}
                        () = client.closed() => return Err(client.closed_error()),
                    }
                }
                let Some(task) = watch.handle.status().await? else { return Ok(None) };
                if watch.last.as_ref() != Some(&task) {
                    watch.last = Some(task.clone());
                    return Ok(Some((task, watch)));
                }
            }
        })
    }

    /// Waits until the task is over, and gives what comes of it. Meanwhile the handlers of this client are asked for the input that the task
    /// needs. Dropping the future leaves the task alone.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](ErrorKind::Cancelled) when the task was cancelled, [`Rpc`](ErrorKind::Rpc) when it failed or the server does not know
    /// it (any more), [`Timeout`](ErrorKind::Timeout) past [`Limits::call_total`](crate::Limits::call_total), otherwise as any call.
    pub async fn result(&self) -> Result<CallToolResult> {
        read(&self.result_json().await?, "a tool's result")
    }

    /// The same as JSON.
    ///
    /// # Errors
    ///
    /// As [`result`](Self::result).
    pub async fn result_json(&self) -> Result<RawJson> {
        match &self.at {
            At::Answered(result) => Ok(result.clone()),
            At::Task(id, call) => {
                let time = Time::new(clock::now(), self.client.inner.limits.call_total);
                // The first look is taken without a pause.
                let result = self.client.task_result(id, Some(0), time).await?;
                match call {
                    Some(call) => self.client.accept(call, result, time).await,
                    None => Ok(result),
                }
            }
        }
    }

    /// Asks the server to stop. It may be too late; [`result`](Self::result) tells.
    ///
    /// # Errors
    ///
    /// [`Rpc`](ErrorKind::Rpc) when the server does not know the task (any more), or, in 2025-11-25, when it is over.
    pub async fn cancel(&self) -> Result<()> {
        match &self.at {
            At::Answered(_) => Ok(()),
            At::Task(id, _) => self.client.send(&task_call(Method::CancelTask, id)?).await.map(drop),
        }
    }
}

impl fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Cancels a task for which nobody waits any more.
struct CancelOnDrop<'a> {
    client: &'a Client,
    task: Option<&'a str>,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.task.and_then(|id| task_call(Method::CancelTask, id).ok()) {
            // Nobody hears whether it arrived.
            self.client.start(call, drop);
        }
    }
}

/// What a client has to know of a task that was created.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    task_id: String,
    #[serde(default)]
    poll_interval_ms: Option<u64>,
}

/// What `tasks/get` answers, as slices of it (2026-07-28).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detailed<'a> {
    status: TaskStatus,
    #[serde(default)]
    status_message: Option<String>,
    #[serde(default)]
    poll_interval_ms: Option<u64>,
    #[serde(borrow, default)]
    input_requests: Option<RawObject<'a>>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

fn task_call(method: Method, id: &str) -> Result<Call> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        task_id: &'a str,
    }
    let params = RawJson::of(&Params { task_id: id })
        .map_err(|error| Error::misuse("the task's id has no JSON").with_source(error))?;
    Ok(Call::new(method, params))
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

fn read<'a, T: Deserialize<'a>>(json: &'a RawJson, what: &str) -> Result<T> {
    json.to().map_err(|error| {
        Error::protocol(format!("the server answered with something else than {what}")).with_source(error)
    })
}

fn broken(how: &str) -> Error {
    Error::protocol(format!("the server says that a task {how}"))
}

fn cancelled(message: Option<&str>) -> Error {
    let why = message.unwrap_or("the server does not say why");
    Error::new(ErrorKind::Cancelled, format!("the task was cancelled: {why}"))
}
