use serde::{Deserialize, Serialize};

use super::Extra;

names! {
    /// What kind of result a result is (2026-07-28). One that does not say is complete.
    ResultType {
        /// The request is done, and this is what came of it.
        Complete "complete",
        /// The request can go on when the client has answered some questions.
        InputRequired "input_required",
        /// The request goes on as a task, and this is its handle (extension `io.modelcontextprotocol/tasks`).
        Task "task",
    }
}

/// A result that says nothing beside that the request is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmptyResult {
    /// What kind of result it is; absent means complete (2026-07-28).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}
