//! Tools: what they are, what runs, what it returns.

mod builder;
mod call;
mod error;
mod handler;
mod output;
mod registered;

use super::registry::Registry;

pub use builder::{ToolBuilder, tool};
pub use error::ToolError;
pub use handler::{Arguments, ToolCall, ToolHandler};
pub use output::{IntoToolOutput, Json, ToolOutput};

pub(super) use handler::schema_of;
pub(super) use registered::RegisteredTool;

/// The tools of a server.
pub(super) type Tools = Registry<RegisteredTool>;
