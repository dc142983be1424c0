//! Tools: what they are, what runs, what it returns.

mod call;
mod handler;
mod output;
mod registered;

use super::registry::Registry;

pub use handler::{Arguments, ToolCall, ToolFn, ToolHandler};
pub use output::{IntoToolOutput, Json, ToolError, ToolOutput};

pub(super) use handler::{parse, schema_of};
pub(super) use registered::RegisteredTool;

/// The tools of a server.
pub(super) type Tools = Registry<RegisteredTool>;
