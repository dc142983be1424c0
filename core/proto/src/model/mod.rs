//! The spec's types, a file per feature. Members that a type does not name are kept in `extra` and written back.

mod capabilities;
mod content;
mod implementation;
mod lifecycle;
mod meta;
mod progress;
mod tools;

pub use capabilities::{ClientCapabilities, ServerCapabilities};
pub use content::{
    Annotations, AudioContent, Content, EmbeddedResource, ImageContent, ResourceContents, ResourceLink,
    TextContent,
};
pub use implementation::{Icon, Implementation};
pub use lifecycle::{DiscoverResult, InitializeParams, InitializeResult, UnsupportedVersionData};
pub use meta::{RequestMeta, keys};
pub use progress::{CancelledParams, Progress, ProgressParams};
pub use tools::{CallToolParams, CallToolResult, ListToolsResult, Tool, ToolAnnotations};

/// Members of a JSON object that a type does not name.
pub type Extra = serde_json::Map<String, serde_json::Value>;
