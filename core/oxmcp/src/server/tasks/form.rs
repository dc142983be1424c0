use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, write_json_string};
use oxmcp_proto::model::TaskStatus;
use serde::Deserialize;

use crate::store::StoredTask;
use crate::timestamp::iso8601;

/// In which form tasks go over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The extension `io.modelcontextprotocol/tasks`, of the stateless era.
    Extension,
    /// The experimental tasks of 2025-11-25.
    Experimental,
}

impl Form {
    /// The form of a revision. `None` when it has no tasks.
    pub(super) fn of(version: ProtocolVersion) -> Option<Self> {
        match version {
            ProtocolVersion::V2026_07_28 => Some(Self::Extension),
            ProtocolVersion::V2025_11_25 => Some(Self::Experimental),
            _ => None,
        }
    }

    /// How a task stands when its request was answered. A tool that failed is a failed task in one form and a completed one in the
    /// other.
    pub(super) fn status_of(self, outcome: &Result<RawJson, ErrorObject>) -> TaskStatus {
        match (self, outcome) {
            (_, Err(_)) => TaskStatus::Failed,
            (Self::Experimental, Ok(result)) if is_error(result) => TaskStatus::Failed,
            _ => TaskStatus::Completed,
        }
    }

    /// Writes the members that a task has however it stands.
    pub(super) fn write_task(self, task: &StoredTask, out: &mut Vec<u8>) {
        let mut text = |name: &str, text: &str| {
            out.extend_from_slice(name.as_bytes());
            write_json_string(text, out);
        };
        text(r#""taskId":"#, &task.id);
        text(r#","status":"#, status_name(task.status));
        if let Some(message) = &task.message {
            text(r#","statusMessage":"#, message);
        }
        text(r#","createdAt":"#, &iso8601(task.created));
        text(r#","lastUpdatedAt":"#, &iso8601(task.updated));
        let (ttl, poll) = match self {
            Self::Extension => ("ttlMs", "pollIntervalMs"),
            Self::Experimental => ("ttl", "pollInterval"),
        };
        let (ttl_ms, poll_ms) = (task.ttl.as_millis(), task.poll_interval.as_millis().max(1));
        out.extend_from_slice(format!(r#","{ttl}":{ttl_ms},"{poll}":{poll_ms}"#).as_bytes());
    }

    /// Writes what there is beside that: questions, a result, an error. Only the extension shows them in the task.
    pub(super) fn write_details(self, task: &StoredTask, out: &mut Vec<u8>) {
        if self == Self::Experimental {
            return;
        }
        match (task.status, &task.questions, &task.outcome) {
            (TaskStatus::InputRequired, Some(questions), _) => {
                out.extend_from_slice(br#","inputRequests":"#);
                out.extend_from_slice(questions.as_bytes());
            }
            (TaskStatus::Completed, _, Some(Ok(result))) => {
                out.extend_from_slice(br#","result":"#);
                out.extend_from_slice(result.as_bytes());
            }
            (TaskStatus::Failed, _, Some(Err(error))) => {
                let error = RawJson::of(error).unwrap_or_else(|_| RawJson::empty_object());
                out.extend_from_slice(br#","error":"#);
                out.extend_from_slice(error.as_bytes());
            }
            _ => {}
        }
    }
}

fn status_name(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Working => "working",
        TaskStatus::InputRequired => "input_required",
        TaskStatus::Completed => "completed",
        TaskStatus::Failed => "failed",
        TaskStatus::Cancelled => "cancelled",
    }
}

fn is_error(result: &RawJson) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        #[serde(default)]
        is_error: bool,
    }
    result.to::<Head>().is_ok_and(|head| head.is_error)
}
