use std::future::Future;
use std::marker::PhantomData;

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::RawJson;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::output::{IntoToolOutput, ToolError, ToolOutput};
use crate::server::Context;

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

/// An async function that can be a tool: of its arguments, of its arguments and a [`Context`], or of nothing.
///
/// `M` tells these forms apart and is always inferred.
pub trait ToolFn<M>: Send + Sync + 'static {
    /// The JSON Schema of the arguments.
    fn input_schema(&self) -> RawJson;

    /// The JSON Schema of the structured result, if it has one.
    fn output_schema(&self) -> Option<RawJson>;

    /// What runs when the tool is called.
    fn into_handler(self) -> impl ToolHandler;
}

/// The JSON Schema of a type, in one piece.
pub(in crate::server) fn schema_of<T: JsonSchema>() -> RawJson {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    // The type's Rust name says nothing to a model.
    schema.remove("title");
    RawJson::of(&schema).unwrap_or_else(|_| RawJson::empty_object())
}

/// Reads the arguments, or says to the model what is wrong with them.
pub(in crate::server) fn parse<A: DeserializeOwned>(arguments: &RawJson) -> Result<A, ToolError> {
    arguments.to().map_err(|error| ToolError::failed(format!("invalid arguments: {error}")))
}

struct FnHandler<F, M>(F, PhantomData<M>);

/// Marks functions of their arguments.
pub struct OfArguments<A>(PhantomData<A>);

impl<F, A, Fut, R> ToolFn<OfArguments<A>> for F
where
    F: Fn(A) -> Fut + Send + Sync + 'static,
    A: DeserializeOwned + JsonSchema + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoToolOutput,
{
    fn input_schema(&self) -> RawJson {
        schema_of::<A>()
    }

    fn output_schema(&self) -> Option<RawJson> {
        R::output_schema()
    }

    fn into_handler(self) -> impl ToolHandler {
        FnHandler(self, PhantomData::<fn() -> OfArguments<A>>)
    }
}

impl<F, A, Fut, R> ToolHandler for FnHandler<F, fn() -> OfArguments<A>>
where
    F: Fn(A) -> Fut + Send + Sync + 'static,
    A: DeserializeOwned + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoToolOutput,
{
    fn call(&self, call: ToolCall) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        match parse(&call.arguments) {
            Ok(arguments) => {
                let future = (self.0)(arguments);
                Box::pin(async move { future.await.into_tool_output() })
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// Marks functions of their arguments and a context.
pub struct OfArgumentsAndContext<A>(PhantomData<A>);

impl<F, A, Fut, R> ToolFn<OfArgumentsAndContext<A>> for F
where
    F: Fn(A, Context) -> Fut + Send + Sync + 'static,
    A: DeserializeOwned + JsonSchema + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoToolOutput,
{
    fn input_schema(&self) -> RawJson {
        schema_of::<A>()
    }

    fn output_schema(&self) -> Option<RawJson> {
        R::output_schema()
    }

    fn into_handler(self) -> impl ToolHandler {
        FnHandler(self, PhantomData::<fn() -> OfArgumentsAndContext<A>>)
    }
}

impl<F, A, Fut, R> ToolHandler for FnHandler<F, fn() -> OfArgumentsAndContext<A>>
where
    F: Fn(A, Context) -> Fut + Send + Sync + 'static,
    A: DeserializeOwned + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoToolOutput,
{
    fn call(&self, call: ToolCall) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        match parse(&call.arguments) {
            Ok(arguments) => {
                let future = (self.0)(arguments, call.context);
                Box::pin(async move { future.await.into_tool_output() })
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// Marks functions of nothing.
pub struct OfNothing;

impl<F, Fut, R> ToolFn<OfNothing> for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoToolOutput,
{
    fn input_schema(&self) -> RawJson {
        let schema = Value::Object(Map::from_iter([("type".to_owned(), Value::from("object"))]));
        RawJson::from_written(schema.to_string())
    }

    fn output_schema(&self) -> Option<RawJson> {
        R::output_schema()
    }

    fn into_handler(self) -> impl ToolHandler {
        FnHandler(self, PhantomData::<fn() -> OfNothing>)
    }
}

impl<F, Fut, R> ToolHandler for FnHandler<F, fn() -> OfNothing>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoToolOutput,
{
    fn call(&self, _: ToolCall) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        let future = (self.0)();
        Box::pin(async move { future.await.into_tool_output() })
    }
}
