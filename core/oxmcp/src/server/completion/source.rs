use std::future::Future;
use std::marker::PhantomData;

use futures_util::future::BoxFuture;
use oxmcp_proto::model::Completion;

use crate::server::{Context, HandlerError, Texts};

/// An argument that is being typed.
#[derive(Clone, Debug)]
pub struct Completing {
    /// The argument of the prompt, or the variable of the template.
    pub argument: String,
    /// What is typed so far.
    pub value: String,
    /// What is known of the other arguments (2025-06-18 on).
    pub arguments: Texts,
    /// The request it came in.
    pub context: Context,
}

/// What proposes values for an argument. Functions and lists are made one by `complete` of a builder; implement it for arguments that are
/// not known when the program is written.
///
/// What [`ToolHandler`](crate::server::ToolHandler) says of where it runs and of panics is true here too.
pub trait Completer: Send + Sync + 'static {
    /// Proposes values, the best first. Past [`Completion::MAX_VALUES`] they are cut off.
    fn complete(&self, completing: Completing) -> BoxFuture<'static, Result<Completion, HandlerError>>;
}

/// Where proposals come from: an async function of a [`Completing`], or a list of all values there are, of which those are proposed that
/// begin with what is typed, in either case.
///
/// `M` tells these apart and is always inferred.
pub trait CompletionSource<M> {
    /// What proposes.
    fn into_completer(self) -> impl Completer;
}

/// What a function that proposes may return: a `Vec` of strings, a [`Completion`], or a `Result` of these whose error is a
/// [`HandlerError`].
pub trait IntoCompletion {
    /// Makes it proposals.
    fn into_completion(self) -> Result<Completion, HandlerError>;
}

impl IntoCompletion for Completion {
    fn into_completion(self) -> Result<Completion, HandlerError> {
        Ok(self)
    }
}

impl<S: Into<String>> IntoCompletion for Vec<S> {
    fn into_completion(self) -> Result<Completion, HandlerError> {
        let values: Vec<String> = self.into_iter().map(Into::into).collect();
        Ok(Completion { total: Some(values.len() as u64), values, ..Completion::default() })
    }
}

impl<T: IntoCompletion, E: Into<HandlerError>> IntoCompletion for Result<T, E> {
    fn into_completion(self) -> Result<Completion, HandlerError> {
        self.map_err(Into::into)?.into_completion()
    }
}

/// Marks functions that propose.
pub struct Proposes;

struct FnCompleter<F, R>(F, PhantomData<fn() -> R>);

impl<F, Fut> CompletionSource<Proposes> for F
where
    F: Fn(Completing) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: IntoCompletion,
{
    fn into_completer(self) -> impl Completer {
        FnCompleter(self, PhantomData::<fn() -> Fut>)
    }
}

impl<F, Fut> Completer for FnCompleter<F, Fut>
where
    F: Fn(Completing) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: IntoCompletion,
{
    fn complete(&self, completing: Completing) -> BoxFuture<'static, Result<Completion, HandlerError>> {
        let future = (self.0)(completing);
        Box::pin(async move { future.await.into_completion() })
    }
}

/// Marks lists of values.
pub struct IsValues;

struct Values(Vec<(String, String)>);

impl Values {
    fn new<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Self {
        let values = values.into_iter().map(Into::into);
        Self(values.map(|value: String| (value.to_lowercase(), value)).collect())
    }
}

impl Completer for Values {
    fn complete(&self, completing: Completing) -> BoxFuture<'static, Result<Completion, HandlerError>> {
        let typed = completing.value.to_lowercase();
        let matching = self.0.iter().filter(|(lower, _)| lower.starts_with(&typed));
        let matching: Vec<String> = matching.map(|(_, value)| value.clone()).collect();
        Box::pin(std::future::ready(matching.into_completion()))
    }
}

impl<S: Into<String>, const N: usize> CompletionSource<IsValues> for [S; N] {
    fn into_completer(self) -> impl Completer {
        Values::new(self)
    }
}

impl<S: Into<String>> CompletionSource<IsValues> for Vec<S> {
    fn into_completer(self) -> impl Completer {
        Values::new(self)
    }
}
