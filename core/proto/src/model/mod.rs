//! The spec's types, a file per feature. Members that a type does not name are kept in `extra` and written back.

#[macro_use]
mod names;
#[macro_use]
mod tagged;

mod cache;
mod capabilities;
mod completion;
mod content;
mod elicitation;
mod error_data;
mod implementation;
mod input;
mod lifecycle;
mod logging;
mod member;
mod members;
mod meta;
mod pagination;
mod progress;
mod prompts;
mod resources;
mod result;
mod role;
mod roots;
mod sampling;
mod subscriptions;
mod tasks;
pub mod tasks_2025_11_25;
mod tools;

pub use cache::CacheScope;
pub use capabilities::{
    ClientCapabilities, ClientTaskRequests, ClientTasksCapability, ElicitationCapability, ElicitationTasks,
    PromptsCapability, ResourcesCapability, RootsCapability, SamplingCapability, SamplingTasks,
    ServerCapabilities, ServerTaskRequests, ServerTasksCapability, ToolTasks, ToolsCapability,
};
pub use completion::{
    CompleteParams, CompleteResult, Completion, CompletionArgument, CompletionContext, CompletionReference,
    PromptReference, ResourceTemplateReference,
};
pub use content::{
    Annotations, AudioContent, Content, EmbeddedResource, ImageContent, ResourceContents, ResourceLink,
    TextContent,
};
pub use elicitation::{
    BooleanSchema, ElicitAction, ElicitFormParams, ElicitParams, ElicitResult, ElicitUrlParams,
    ElicitationCompleteParams, EnumItems, EnumOption, FormMode, LegacyTitledEnumSchema, NumberSchema,
    ObjectType, PrimitiveSchemaDefinition, RequestedSchema, StringFormat, StringSchema, StringType,
    TitledEnumItems, TitledMultiSelectEnumSchema, TitledSingleSelectEnumSchema,
    UntitledMultiSelectEnumSchema, UntitledSingleSelectEnumSchema, UrlElicitationRequiredData, UrlMode,
};
pub use error_data::{MissingCapabilityData, UnsupportedVersionData};
pub use implementation::{Icon, Implementation};
pub use input::{
    InputParams, InputRequest, InputRequests, InputRequiredResult, InputResponses, ListRootsParams,
};
pub use lifecycle::{DiscoverResult, InitializeParams, InitializeResult};
pub use logging::{LoggingLevel, LoggingMessageParams, SetLevelParams, UnknownLevel};
pub use members::Members;
pub use meta::{RequestMeta, keys};
pub use pagination::PaginatedParams;
pub use progress::{CancelledParams, Progress, ProgressParams};
pub use prompts::{
    GetPromptParams, GetPromptResult, ListPromptsResult, Prompt, PromptArgument, PromptMessage,
};
pub use resources::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceParams, ReadResourceResult, Resource,
    ResourceTemplate, ResourceUpdatedParams, SubscribeParams, UnsubscribeParams,
};
pub use result::{EmptyResult, ResultType};
pub use role::Role;
pub use roots::{ListRootsResult, Root};
pub use sampling::{
    CreateMessageParams, CreateMessageResult, IncludeContext, ModelHint, ModelPreferences, SamplingContent,
    SamplingMessage, StopReason, ToolChoice, ToolChoiceMode, ToolResultContent, ToolUseContent,
};
pub use subscriptions::{
    NotificationParams, SubscriptionFilter, SubscriptionsAcknowledgedParams, SubscriptionsListenParams,
    SubscriptionsListenResult, subscription_id,
};
pub use tasks::{CreateTaskResult, DetailedTask, Task, TaskParams, TaskStatus, UpdateTaskParams};
pub use tasks_2025_11_25::{RelatedTaskMetadata, TaskMetadata};
pub use tools::{
    CallToolParams, CallToolResult, ListToolsResult, TaskSupport, Tool, ToolAnnotations, ToolExecution,
};

/// Members of a JSON object that a type does not name.
pub type Extra = serde_json::Map<String, serde_json::Value>;
