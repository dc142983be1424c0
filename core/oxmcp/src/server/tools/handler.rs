use std::any::TypeId;

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::RawJson;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::ToolError;
use super::output::{IntoToolOutput, ToolOutput};
use crate::server::handler_fn::Typed;
use crate::server::{Context, HandlerFn};

/// A call of a tool.
#[derive(Clone, Debug)]
pub struct ToolCall {
    /// The arguments: an object that meets the tool's `inputSchema`.
    pub arguments: RawJson,
    /// The request it came in.
    pub context: Context,
}

/// What runs when a tool is called. Functions are made one by [`Server::tool`](super::Server::tool); implement it for tools that
/// are not known when the program is written.
pub trait ToolHandler: Send + Sync + 'static {
    /// Runs the tool. When the caller no longer waits, the future is dropped.
    ///
    /// This function, and the future until it first has to wait, run on the task of the connection that the call came over: an answer that
    /// is ready at once costs no task, but until then no other message of that connection is read. From its first wait on, the future runs
    /// in a task of its own, or over HTTP with its exchange. Code that blocks or computes for long belongs in
    /// [`tokio::task::spawn_blocking`].
    ///
    /// A panic in either is caught and logged, and answered as an internal error without its words.
    fn call(&self, call: ToolCall) -> BoxFuture<'static, Result<ToolOutput, ToolError>>;
}

/// The arguments of a tool that takes any object.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Arguments(pub Value);

impl JsonSchema for Arguments {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Arguments".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "object"})
    }
}

/// The JSON Schema of a type, in one piece.
pub(in crate::server) fn schema_of<T: JsonSchema>() -> RawJson {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    // The type's Rust name says nothing to a model.
    schema.remove("title");
    RawJson::of(&schema).unwrap_or_else(|_| RawJson::empty_object())
}

/// The JSON Schema of a function's arguments.
pub(super) fn arguments_schema<A: JsonSchema + 'static>() -> RawJson {
    if is_nothing::<A>() { RawJson::from_written(&br#"{"type":"object"}"#[..]) } else { schema_of::<A>() }
}

/// Makes a function what runs when a tool is called.
pub(super) fn tool_handler<F, A, M>(function: F) -> impl ToolHandler
where
    F: HandlerFn<A, M>,
    A: DeserializeOwned + 'static,
    F::Output: IntoToolOutput,
    M: 'static,
{
    Typed::<F, A, M>::new(function)
}

impl<F, A, M> ToolHandler for Typed<F, A, M>
where
    F: HandlerFn<A, M>,
    A: DeserializeOwned + 'static,
    F::Output: IntoToolOutput,
    M: 'static,
{
    fn call(&self, call: ToolCall) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        match read::<A>(&call.arguments) {
            Ok(arguments) => {
                let future = self.0.run(arguments, call.context);
                Box::pin(async move { future.await.into_tool_output() })
            }
            Err(error) => {
                let error = ToolError::failed(format!("invalid arguments: {error}"));
                Box::pin(std::future::ready(Err(error)))
            }
        }
    }
}

fn read<A: DeserializeOwned + 'static>(arguments: &RawJson) -> Result<A, serde_json::Error> {
    // A function that takes nothing takes any object.
    if is_nothing::<A>() { serde_json::from_str("null") } else { arguments.to() }
}

fn is_nothing<A: 'static>() -> bool {
    TypeId::of::<A>() == TypeId::of::<()>()
}
