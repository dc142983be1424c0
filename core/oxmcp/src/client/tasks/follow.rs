use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RawObject};
use oxmcp_proto::link::CallError;
use oxmcp_proto::model::TaskStatus;
use oxmcp_proto::model::tasks_2025_11_25 as experimental;
use oxmcp_proto::{Era, Method};
use rustc_hash::FxHashSet;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::ask::{read, task_call};
use crate::client::Client;
use crate::client::time::Time;
use crate::{Error, ErrorKind, Result};

/// What a task came to: its result, or how it failed or was cancelled.
pub(super) type End = Result<RawJson>;

impl Client {
    /// Follows a task that a plain call became to its result. Dropping the future cancels the task.
    pub(in crate::client) async fn follow(&self, created: &RawJson, time: Time) -> Result<RawJson> {
        // Whatever fails, the call has begun, also when the server does not know the task any more: only how it ended says what came of it.
        let begun = |error: Error| error.running(true);
        let created: Created = read(created, "a task").map_err(begun)?;
        let mut unfinished = CancelOnDrop { client: self, task: Some(&created.task_id) };
        let pause = self.poll_interval(created.poll_interval_ms);
        let end = self.end_of_task(&created.task_id, pause, time).await.map_err(begun)?;
        unfinished.task = None;
        end
    }

    /// Waits for what comes of a task, and gives the input that it needs. The first look is taken after `pause`. An error says that it cannot be
    /// followed any more.
    pub(super) async fn end_of_task(&self, id: &str, mut pause: Duration, time: Time) -> Result<End> {
        if self.protocol_version().era() == Era::Handshake {
            return self.end_of_experimental_task(id, time).await;
        }
        let mut asked = FxHashSet::<String>::default();
        let mut answers = FuturesUnordered::new();
        let answered = Notify::new();
        loop {
            let json = {
                let mut look = pin!(async {
                    tokio::select! {
                        () = tokio::time::sleep(pause.min(time.left()?)) => {}
                        () = answered.notified() => {}
                        () = self.closed() => return Err(self.closed_error()),
                    }
                    self.look_at_task(id, time).await
                });
                loop {
                    tokio::select! {
                        json = &mut look => break json?,
                        Some(given) = answers.next(), if !answers.is_empty() => {
                            let given: Result<()> = given;
                            given?;
                            answered.notify_one();
                        }
                    }
                }
            };
            let task: Detailed<'_> = read(&json, "a task")?;
            pause = self.poll_interval(task.poll_interval_ms);
            match task.status {
                TaskStatus::Working => {}
                TaskStatus::InputRequired => {
                    let questions = task.input_requests.as_ref().map_or(&[][..], |questions| &questions.0);
                    // A question stays there until the server has taken its answer.
                    let new = questions.iter().filter(|(key, _)| !asked.contains(&**key)).collect::<Vec<_>>();
                    self.check_questions(questions.len(), asked.len() + new.len())?;
                    for (key, request) in new {
                        let input = self.input_for("a task", &json, key, request)?;
                        let key = key.to_string();
                        asked.insert(key.clone());
                        answers.push(async move { self.update_task(id, &key, input.await?, time).await });
                    }
                }
                TaskStatus::Completed => {
                    let result = task.result.ok_or_else(|| broken("is completed and has no result"))?;
                    return Ok(Ok(json.part(result)));
                }
                TaskStatus::Failed => {
                    let error = task.error.ok_or_else(|| broken("failed and has no error"))?;
                    return Ok(Err(CallError::Rpc(error).into()));
                }
                TaskStatus::Cancelled => return Ok(Err(cancelled(task.status_message.as_deref()))),
            }
        }
    }

    /// Refuses what no user could answer: `open` questions at once, or `total` in the life of a task.
    fn check_questions(&self, open: usize, total: usize) -> Result<()> {
        let limits = &self.inner.limits;
        let most = limits.inputs.saturating_mul(limits.input_rounds);
        if open <= limits.inputs && total <= most {
            return Ok(());
        }
        let message = format!(
            "the server needs {open} inputs at once and {total} in all for a task, more than the limits of this client of {} and {most}",
            limits.inputs
        );
        Err(Error::new(ErrorKind::Overloaded, message))
    }

    /// The same for the tasks of 2025-11-25, which ask for input while somebody waits for their result.
    async fn end_of_experimental_task(&self, id: &str, time: Time) -> Result<End> {
        let mut follower = self.inner.told.follow(id);
        loop {
            let json = self.look_at_task(id, time).await?;
            let task: experimental::GetTaskResult = read(&json, "a task")?;
            match task.task.status {
                TaskStatus::Working => {
                    let poll = self.poll_interval(task.task.poll_interval);
                    let pause = async {
                        tokio::select! {
                            () = follower.told() => {}
                            () = tokio::time::sleep(poll) => {}
                        }
                    };
                    self.while_open(time, pause).await?;
                }
                TaskStatus::Cancelled => return Ok(Err(cancelled(task.task.status_message.as_deref()))),
                _ => {
                    let call = task_call(Method::TaskResult, id)?.timeout(time.left()?);
                    return self.send_patiently(call, time).await.map(Ok);
                }
            }
        }
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
pub(super) struct Created {
    pub(super) task_id: String,
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

fn broken(how: &str) -> Error {
    Error::protocol(format!("the server says that a task {how}"))
}

fn cancelled(message: Option<&str>) -> Error {
    let why = message.unwrap_or("the server does not say why");
    Error::new(ErrorKind::Cancelled, format!("the task was cancelled: {why}")).running(true)
}
