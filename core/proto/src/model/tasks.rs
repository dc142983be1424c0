//! Requests that go on as tasks: the extension [`io.modelcontextprotocol/tasks`](crate::methods::TASKS_EXTENSION). The experimental
//! tasks of 2025-11-25 look different and are in [`tasks_2025_11_25`](super::tasks_2025_11_25).

use serde::{Deserialize, Serialize};

use super::member::integral;
use super::{Extra, InputRequests, InputResponses, ResultType};
use crate::jsonrpc::{ErrorObject, RawJson};

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// It is being worked on.
    Working,
    /// It waits for the client to answer questions.
    InputRequired,
    /// It is done; there is a result, be it one that says that a tool failed.
    Completed,
    /// It failed with an error of JSON-RPC.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl TaskStatus {
    /// Whether it stays as it is.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// What is to be known of a task, however it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// What the other methods call it. Nobody can guess it.
    pub task_id: String,
    /// How it stands.
    pub status: TaskStatus,
    /// The same in words, for people or a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// When it was created, ISO 8601.
    pub created_at: String,
    /// When it last changed, ISO 8601.
    pub last_updated_at: String,
    /// For how many milliseconds it is kept, beginning with its creation; `None`, written as `null`, is without end. It may change.
    #[serde(default, deserialize_with = "integral")]
    pub ttl_ms: Option<u64>,
    /// After how many milliseconds to ask again. It may change.
    #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
    pub poll_interval_ms: Option<u64>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Instead of a result: the request goes on as a task. `resultType` is [`Task`](ResultType::Task).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateTaskResult {
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// What kind of result it is; absent means complete (2026-07-28).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
}

impl CreateTaskResult {
    /// The request goes on as this task.
    pub fn new(task: Task) -> Self {
        Self { task, result_type: Some(ResultType::Task), meta: None }
    }
}

/// A task and what has come of it: the answer to `tasks/get`, and the parameters of `notifications/tasks`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DetailedTask {
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// All questions that wait for an answer, while it is [`InputRequired`](TaskStatus::InputRequired).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_requests: Option<InputRequests>,
    /// What its request is answered with, once it is [`Completed`](TaskStatus::Completed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RawJson>,
    /// The error its request is answered with, once it has [`Failed`](TaskStatus::Failed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorObject>,
    /// What kind of result it is; absent means complete (2026-07-28).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
}

impl DetailedTask {
    /// A task of which nothing has come yet.
    pub fn new(task: Task) -> Self {
        Self { task, input_requests: None, result: None, error: None, result_type: None, meta: None }
    }
}

/// `tasks/get`, `tasks/cancel`, and `tasks/result` of 2025-11-25.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskParams {
    /// The task.
    pub task_id: String,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `tasks/update`: answers to the questions of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateTaskParams {
    /// The task.
    pub task_id: String,
    /// The answers. Those to questions that do not wait for one are ignored.
    pub input_responses: InputResponses,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_task_survives_a_round_trip_however_it_stands() {
        let task = |status, mut rest: serde_json::Value| {
            let common = json!({"taskId": "t", "status": status, "createdAt": "a", "lastUpdatedAt": "b", "ttlMs": null, "x": 1});
            rest.as_object_mut().unwrap().extend(common.as_object().unwrap().clone());
            rest
        };
        for task in [
            task("working", json!({"pollIntervalMs": 5, "statusMessage": "m"})),
            task("input_required", json!({"inputRequests": {"q": {"method": "roots/list"}}})),
            task("completed", json!({"resultType": "complete", "result": {"content": [], "y": [1]}})),
            task(
                "failed",
                json!({"error": {"code": -32603, "message": "m", "data": {"z": 1}}, "_meta": {"k": 1}}),
            ),
            task("cancelled", json!({})),
        ] {
            for read in [
                serde_json::from_value::<DetailedTask>(task.clone()).unwrap(),
                serde_json::from_str(&task.to_string()).unwrap(),
            ] {
                assert_eq!(serde_json::to_value(&read).unwrap(), task);
                assert_eq!(read.task.ttl_ms, None);
                assert_eq!(read.task.extra["x"], 1);
            }
        }
        let created = task("working", json!({"resultType": "task"}));
        let read: CreateTaskResult = serde_json::from_value(created.clone()).unwrap();
        assert_eq!(read, CreateTaskResult::new(read.task.clone()));
        assert_eq!(serde_json::to_value(&read).unwrap(), created);
    }
}
