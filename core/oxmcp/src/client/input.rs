use std::future::{Future, ready};
use std::marker::PhantomData;

use futures_util::future::BoxFuture;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, codes};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ClientContext;
use super::input_error::InputError;

/// Input that a server wants: `sampling/createMessage` or `elicitation/create`, in a request of its own (through 2025-11-25) or on the
/// way to the answer of a call (2026-07-28, patterns, MRTR). A handler sees no difference.
#[derive(Clone, Debug)]
pub struct InputCall {
    /// What is asked.
    pub method: Method,
    /// The parameters: what the spec says they are, checked as far as this client can.
    pub params: RawJson,
    /// Who asks.
    pub context: ClientContext,
}

/// What answers a server that wants input. Async functions are made one by [`Connect::on_sampling`](super::Connect::on_sampling) and its
/// like; implement it to work on raw JSON.
pub trait InputHandler: Send + Sync + 'static {
    /// Gives the result, as JSON. When the server no longer wants it, the future is dropped.
    ///
    /// This function, and the future until it first has to wait, run on the task of the connection; code that blocks or computes for long
    /// belongs in [`tokio::task::spawn_blocking`]. A panic in either is caught and logged: the server gets an internal error, a call that
    /// needs the input fails.
    fn answer(&self, request: InputCall) -> BoxFuture<'static, Result<RawJson, InputError>>;
}

/// What a handler of input `R` may return: `R`, or a `Result` of it whose error is, or becomes, an [`InputError`].
pub trait IntoInput<R> {
    /// Makes it the input.
    fn into_input(self) -> Result<R, InputError>;
}

impl<R> IntoInput<R> for R {
    fn into_input(self) -> Result<R, InputError> {
        Ok(self)
    }
}

impl<R, E: Into<InputError>> IntoInput<R> for Result<R, E> {
    fn into_input(self) -> Result<R, InputError> {
        self.map_err(Into::into)
    }
}

/// An async function that can give input `R` for parameters `P`: of its parameters, or of its parameters and a [`ClientContext`]. An
/// [`InputHandler`] is one too.
///
/// `M` tells these forms apart and is always inferred.
pub trait InputFn<P, R, M>: Send + Sync + 'static {
    /// What runs when the server asks.
    fn into_handler(self) -> impl InputHandler;
}

/// Marks what is a handler already.
pub struct OfRaw;

impl<H: InputHandler, P, R> InputFn<P, R, OfRaw> for H {
    fn into_handler(self) -> impl InputHandler {
        self
    }
}

struct FnHandler<F, M>(F, PhantomData<M>);

/// Marks functions of their parameters.
pub struct OfParams<P, R>(PhantomData<(P, R)>);

impl<F, P, R, Fut, O> InputFn<P, R, OfParams<P, R>> for F
where
    F: Fn(P) -> Fut + Send + Sync + 'static,
    P: DeserializeOwned + 'static,
    R: Serialize + 'static,
    Fut: Future<Output = O> + Send + 'static,
    O: IntoInput<R>,
{
    fn into_handler(self) -> impl InputHandler {
        FnHandler(self, PhantomData::<fn() -> OfParams<P, R>>)
    }
}

impl<F, P, R, Fut, O> InputHandler for FnHandler<F, fn() -> OfParams<P, R>>
where
    F: Fn(P) -> Fut + Send + Sync + 'static,
    P: DeserializeOwned + 'static,
    R: Serialize + 'static,
    Fut: Future<Output = O> + Send + 'static,
    O: IntoInput<R>,
{
    fn answer(&self, request: InputCall) -> BoxFuture<'static, Result<RawJson, InputError>> {
        match parse(&request) {
            Ok(params) => write((self.0)(params)),
            Err(error) => Box::pin(ready(Err(error))),
        }
    }
}

/// Marks functions of their parameters and a context.
pub struct OfParamsAndContext<P, R>(PhantomData<(P, R)>);

impl<F, P, R, Fut, O> InputFn<P, R, OfParamsAndContext<P, R>> for F
where
    F: Fn(P, ClientContext) -> Fut + Send + Sync + 'static,
    P: DeserializeOwned + 'static,
    R: Serialize + 'static,
    Fut: Future<Output = O> + Send + 'static,
    O: IntoInput<R>,
{
    fn into_handler(self) -> impl InputHandler {
        FnHandler(self, PhantomData::<fn() -> OfParamsAndContext<P, R>>)
    }
}

impl<F, P, R, Fut, O> InputHandler for FnHandler<F, fn() -> OfParamsAndContext<P, R>>
where
    F: Fn(P, ClientContext) -> Fut + Send + Sync + 'static,
    P: DeserializeOwned + 'static,
    R: Serialize + 'static,
    Fut: Future<Output = O> + Send + 'static,
    O: IntoInput<R>,
{
    fn answer(&self, request: InputCall) -> BoxFuture<'static, Result<RawJson, InputError>> {
        match parse(&request) {
            Ok(params) => write((self.0)(params, request.context)),
            Err(error) => Box::pin(ready(Err(error))),
        }
    }
}

fn parse<P: DeserializeOwned>(request: &InputCall) -> Result<P, InputError> {
    request.params.to().map_err(|error| {
        let message = format!("invalid params of {}: {error}", request.method.name());
        InputError::Rpc(ErrorObject::new(codes::INVALID_PARAMS, message))
    })
}

fn write<R: Serialize, O: IntoInput<R>>(
    answer: impl Future<Output = O> + Send + 'static,
) -> BoxFuture<'static, Result<RawJson, InputError>> {
    Box::pin(async move {
        let input = answer.await.into_input()?;
        RawJson::of(&input).map_err(|error| InputError::failed(format!("the input has no JSON: {error}")))
    })
}
