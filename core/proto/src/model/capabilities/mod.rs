//! What the two sides can do. A member that is there, even as `{}`, is declared; one that is `null` or `false` is not.

mod client;
mod server;

pub use client::{
    ClientCapabilities, ClientTaskRequests, ClientTasksCapability, ElicitationCapability, ElicitationTasks,
    RootsCapability, SamplingCapability, SamplingTasks,
};
pub use server::{
    PromptsCapability, ResourcesCapability, ServerCapabilities, ServerTaskRequests, ServerTasksCapability,
    ToolTasks, ToolsCapability,
};

use serde_json::Value;

use super::Extra;

/// Whether a path of members leads to something that is declared.
fn declares(members: &Extra, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    let declared = rest.iter().fold(members.get(*first), |value, name| value?.get(name));
    !matches!(declared, None | Some(Value::Null | Value::Bool(false)))
}

/// The same, where the first object may be absent.
fn object_declares(members: Option<&Extra>, path: &[&str]) -> bool {
    members.is_some_and(|members| declares(members, path))
}
