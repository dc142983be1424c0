//! The spec's types, a file per feature. Members that a type does not name are kept in `extra` and written back.

#[macro_use]
mod names;

mod cache;
mod capabilities;
mod completion;
mod content;
mod implementation;
mod lifecycle;
mod logging;
mod meta;
mod number;
mod progress;
mod prompts;
mod resources;
mod result;
mod role;
mod tools;

pub use cache::CacheScope;
pub use capabilities::{ClientCapabilities, ServerCapabilities};
pub use completion::{
    CompleteParams, CompleteResult, Completion, CompletionArgument, CompletionContext, CompletionReference,
    PromptReference, ResourceTemplateReference,
};
pub use content::{
    Annotations, AudioContent, Content, EmbeddedResource, ImageContent, ResourceContents, ResourceLink,
    TextContent,
};
pub use implementation::{Icon, Implementation};
pub use lifecycle::{DiscoverResult, InitializeParams, InitializeResult, UnsupportedVersionData};
pub use logging::{LoggingLevel, LoggingMessageParams, SetLevelParams, UnknownLevel};
pub use meta::{RequestMeta, keys};
pub use progress::{CancelledParams, Progress, ProgressParams};
pub use prompts::{
    GetPromptParams, GetPromptResult, ListPromptsResult, Prompt, PromptArgument, PromptMessage,
};
pub use resources::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceParams, ReadResourceResult, Resource,
    ResourceTemplate, ResourceUpdatedParams, SubscribeParams, UnsubscribeParams,
};
pub use result::ResultType;
pub use role::Role;
pub use tools::{CallToolParams, CallToolResult, ListToolsResult, Tool, ToolAnnotations};

/// Members of a JSON object that a type does not name.
pub type Extra = serde_json::Map<String, serde_json::Value>;
