use serde::{Deserialize, Serialize};

use super::Extra;
use super::member::integral;

/// That a request is to be a task (2025-11-25).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskMetadata {
    /// For how many milliseconds the task and its result are to be kept, beginning with its creation.
    #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}
