use std::fmt;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::tasks_2025_11_25 as experimental;
use oxmcp_proto::model::{CallToolResult, Task};
use oxmcp_proto::{Era, Method};

use super::ask::{read, task_call};
use crate::client::time::Time;
use crate::client::{Call, Client};
use crate::{Result, clock};

/// A task of the server. Dropping the handle leaves the task alone; [`Client::task`] gives another one.
#[derive(Clone)]
pub struct TaskHandle {
    pub(super) client: Client,
    pub(super) at: At,
}

#[derive(Clone)]
pub(super) enum At {
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
}

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
    /// [`Rpc`](crate::ErrorKind::Rpc) when the server does not know the task (any more), otherwise as any call.
    pub async fn status(&self) -> Result<Option<Task>> {
        let At::Task(id, _) = &self.at else { return Ok(None) };
        let json = self.client.send(&task_call(Method::GetTask, id)?).await?;
        self.read_status(&json).map(Some)
    }

    fn read_status(&self, json: &RawJson) -> Result<Task> {
        if self.client.protocol_version().era() == Era::Stateless {
            return read(json, "a task");
        }
        let task = read::<experimental::GetTaskResult>(json, "a task")?.task;
        Ok(Task {
            task_id: task.task_id,
            status: task.status,
            status_message: task.status_message,
            created_at: task.created_at,
            last_updated_at: task.last_updated_at,
            ttl_ms: task.ttl,
            poll_interval_ms: task.poll_interval,
            extra: task.extra,
        })
    }

    /// The time that one look may take.
    fn time(&self) -> Time {
        Time::new(clock::now(), self.client.inner.limits.call_total)
    }

    /// How the task stands, now and whenever that has changed, until it is over; asks as often as the server says, and goes on when the server
    /// is not there for a while. Questions of the task are answered by [`result`](Self::result) alone.
    pub fn updates(&self) -> impl Stream<Item = Result<Task>> + Send + Unpin + use<> {
        struct Watch {
            handle: TaskHandle,
            last: Option<Task>,
        }
        let watch = Watch { handle: self.clone(), last: None };
        Box::pin(stream::try_unfold(watch, |mut watch| async move {
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
                let handle = &watch.handle;
                let At::Task(id, _) = &handle.at else { return Ok(None) };
                let task = handle.read_status(&handle.client.look_at_task(id, handle.time()).await?)?;
                if watch.last.as_ref() != Some(&task) {
                    watch.last = Some(task.clone());
                    return Ok(Some((task, watch)));
                }
            }
        }))
    }

    /// Waits until the task is over, and gives what comes of it. Meanwhile the handlers of this client are asked for the input that the task
    /// needs, and a server that is not there for a while, up to five minutes, is asked again. Dropping the future leaves the task alone.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](crate::ErrorKind::Cancelled) when the task was cancelled, [`Rpc`](crate::ErrorKind::Rpc) when it failed or the server does not know
    /// it (any more), [`Timeout`](crate::ErrorKind::Timeout) past [`Limits::call_total`](crate::Limits::call_total), otherwise as any call.
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
                let time = self.time();
                let end = self.client.end_of_task(id, Duration::ZERO, time).await;
                let result = end.map_err(|error| error.running(true))??;
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
    /// [`Rpc`](crate::ErrorKind::Rpc) when the server does not know the task (any more), or, in 2025-11-25, when it is over.
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
