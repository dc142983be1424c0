use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::{Icon, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::ToolError;
use super::handler::{ToolCall, ToolHandler, arguments_schema, tool_handler};
use super::output::{IntoToolOutput, ToolOutput};
use crate::Result;
use crate::auth::Scopes;
use crate::server::{Feature, HandlerFn, Server, TaskMode};

/// A tool for [`Server::with`] and [`Server::add`]. The handler is an async function; see [`Server::tool`].
///
/// ```
/// use oxmcp::Server;
/// use oxmcp::server::tool;
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Delete {
///     /// The file to delete.
///     path: String,
/// }
///
/// let server = Server::new("demo", "1.0.0").with(
///     tool("delete", |Delete { path }: Delete| async move { format!("{path} is gone") })
///         .title("Delete a file")
///         .description("Deletes a file for good.")
///         .destructive()
///         .idempotent(),
/// );
/// ```
pub fn tool<A, M: 'static, F>(name: impl Into<String>, handler: F) -> ToolBuilder
where
    A: DeserializeOwned + JsonSchema + 'static,
    F: HandlerFn<A, M>,
    F::Output: IntoToolOutput,
{
    let definition =
        Tool { output_schema: F::Output::output_schema(), ..Tool::new(name, arguments_schema::<A>()) };
    ToolBuilder::new(definition, tool_handler(handler))
}

/// A tool that is being described.
#[must_use = "it is added by `Server::with` or `Server::add`"]
pub struct ToolBuilder {
    definition: Tool,
    task: Option<TaskMode>,
    scopes: Scopes,
    handler: Box<dyn ToolHandler>,
}

impl ToolBuilder {
    /// As the list will show it, in full.
    pub fn new(definition: Tool, handler: impl ToolHandler) -> Self {
        Self { definition, task: None, scopes: Scopes::default(), handler: Box::new(handler) }
    }

    /// A name for people.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.definition.title = Some(title.into());
        self
    }

    /// What it does, for a model.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.definition.description = Some(description.into());
        self
    }

    /// It changes nothing: a hint for those who may ask before they call it.
    pub fn read_only(mut self) -> Self {
        self.definition.annotations.get_or_insert_default().read_only_hint = Some(true);
        self
    }

    /// It may destroy something: a hint for those who may ask before they call it.
    pub fn destructive(mut self) -> Self {
        self.definition.annotations.get_or_insert_default().destructive_hint = Some(true);
        self
    }

    /// Calling it twice with the same arguments is as calling it once.
    pub fn idempotent(mut self) -> Self {
        self.definition.annotations.get_or_insert_default().idempotent_hint = Some(true);
        self
    }

    /// All hints about what it does to the world, in place of those given before.
    pub fn annotations(mut self, annotations: ToolAnnotations) -> Self {
        self.definition.annotations = Some(annotations);
        self
    }

    /// One more picture to show for it.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.definition.icons.get_or_insert_default().push(icon);
        self
    }

    /// A JSON Schema of the arguments, in place of the one that the handler's argument type has. It is shown as it is written.
    pub fn input_schema(mut self, schema: RawJson) -> Self {
        self.definition.input_schema = schema;
        self
    }

    /// A JSON Schema of the structured result, in place of the one that the handler's result type has.
    pub fn output_schema(mut self, schema: RawJson) -> Self {
        self.definition.output_schema = Some(schema);
        self
    }

    /// Whether calls of it may, or must, be tasks. Default: they are not.
    pub fn task(mut self, mode: TaskMode) -> Self {
        self.task = Some(mode);
        self
    }

    /// What an access token has to be good for that a call of it comes with, beside what every request needs
    /// ([`Protection::scopes`](crate::auth::Protection::scopes)). It counts where a server is protected, which is over HTTP alone. A call
    /// without them is told which they are, and the client may ask for them.
    pub fn scopes<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// A member of its `_meta`.
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.definition.meta.get_or_insert_default().insert(key.into(), value.into());
        self
    }
}

impl Feature for ToolBuilder {
    fn add_to(self, server: &Server) -> Result<()> {
        server.add_built_tool(self.definition, self.task, self.scopes, self.handler)
    }
}

impl<T: ToolHandler + ?Sized> ToolHandler for Box<T> {
    fn call(&self, call: ToolCall) -> BoxFuture<'static, std::result::Result<ToolOutput, ToolError>> {
        (**self).call(call)
    }
}
