use std::future::Future;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::Context;

/// An async function that can be a tool, read a resource, fill a template or write a prompt: of its arguments, of its arguments and a [`Context`], of
/// a [`Context`], or of nothing.
///
/// `A` is the type of the arguments, and `M` tells these forms apart; both are always inferred.
pub trait HandlerFn<A, M>: Send + Sync + 'static {
    /// What it returns.
    type Output;

    /// What comes to that.
    type Future: Future<Output = Self::Output> + Send + 'static;

    /// Runs it.
    fn run(&self, arguments: A, context: Context) -> Self::Future;
}

/// Marks functions of their arguments.
pub struct TakesArguments;

impl<F, A, Fut> HandlerFn<A, TakesArguments> for F
where
    F: Fn(A) -> Fut + Send + Sync + 'static,
    A: DeserializeOwned,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn run(&self, arguments: A, _: Context) -> Fut {
        self(arguments)
    }
}

/// Marks functions of their arguments and a context.
pub struct TakesArgumentsAndContext;

impl<F, A, Fut> HandlerFn<A, TakesArgumentsAndContext> for F
where
    F: Fn(A, Context) -> Fut + Send + Sync + 'static,
    A: DeserializeOwned,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn run(&self, arguments: A, context: Context) -> Fut {
        self(arguments, context)
    }
}

/// Marks functions of a context.
pub struct TakesContext;

impl<F, Fut> HandlerFn<(), TakesContext> for F
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn run(&self, (): (), context: Context) -> Fut {
        self(context)
    }
}

/// Marks functions of nothing.
pub struct TakesNothing;

impl<F, Fut> HandlerFn<(), TakesNothing> for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn run(&self, (): (), _: Context) -> Fut {
        self()
    }
}

/// A function of some form with its types.
pub(super) struct Typed<F, A, M>(pub(super) F, PhantomData<fn() -> (A, M)>);

impl<F, A, M> Typed<F, A, M> {
    pub(super) fn new(function: F) -> Self {
        Self(function, PhantomData)
    }
}
