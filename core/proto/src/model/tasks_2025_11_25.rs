//! The experimental tasks of revision 2025-11-25, in which either side may run requests of the other as tasks. Their parameters
//! are [`TaskParams`](super::TaskParams); the answer to `tasks/result` is that of the request that became the task.

use serde::{Deserialize, Serialize};

use super::member::integral;
use super::{Extra, TaskStatus};

/// Keys of `_meta` for tasks.
pub mod keys {
    /// To which task a message belongs: a [`RelatedTaskMetadata`](super::RelatedTaskMetadata).
    pub const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";
    /// In a [`CreateTaskResult`](super::CreateTaskResult): what to tell a model until the task is done, a string.
    pub const MODEL_IMMEDIATE_RESPONSE: &str = "io.modelcontextprotocol/model-immediate-response";
}

/// That a request is to be a task: the member `task` of its parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskMetadata {
    /// For how many milliseconds the task is to be kept, beginning with its creation.
    #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// To which task a message belongs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelatedTaskMetadata {
    /// The task.
    pub task_id: String,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// What the methods call it.
    pub task_id: String,
    /// How it stands. A tool that failed is [`Failed`](TaskStatus::Failed) here.
    pub status: TaskStatus,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// When it was created, ISO 8601.
    pub created_at: String,
    /// When it last changed, ISO 8601.
    pub last_updated_at: String,
    /// For how many milliseconds it is kept, beginning with its creation; `None`, written as `null`, is without end.
    #[serde(default, deserialize_with = "integral")]
    pub ttl: Option<u64>,
    /// After how many milliseconds to ask again.
    #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
    pub poll_interval: Option<u64>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Instead of a result: the request goes on as a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateTaskResult {
    /// The task.
    pub task: Task,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The answer to `tasks/get` and `tasks/cancel`, and the parameters of `notifications/tasks/status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetTaskResult {
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
}

/// The answer to `tasks/list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTasksResult {
    /// The tasks of this page.
    pub tasks: Vec<Task>,
    /// Where the next page begins, when there is one. Any string, even an empty one, means that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
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
    fn a_task_survives_a_round_trip() {
        let task = json!({"taskId": "t", "status": "input_required", "createdAt": "a", "lastUpdatedAt": "b", "ttl": null,
            "pollInterval": 50, "x": 1, "_meta": {"k": 1}});
        let read: GetTaskResult = serde_json::from_value(task.clone()).unwrap();
        assert!(!read.task.status.is_terminal() && read.task.extra["x"] == 1);
        assert_eq!(serde_json::to_value(&read).unwrap(), task);
    }
}
