use std::future::Future;

use serde::de::DeserializeOwned;

use super::{Context, HandlerFn, TakesArguments, TakesArgumentsAndContext, TakesContext, TakesNothing};

/// Makes an async function whose first parameter is state that handlers share a handler. Each call gets a clone, so what is behind it is
/// shared as usual: an [`Arc`](std::sync::Arc), a pool, a channel. After the state, the function takes what other handlers take.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use oxmcp::server::{tool, with_state};
/// use oxmcp::{Client, Server};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use serde_json::json;
///
/// type Notes = Arc<Mutex<Vec<String>>>;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Add {
///     /// What to write down.
///     text: String,
/// }
///
/// async fn add(notes: Notes, Add { text }: Add) {
///     notes.lock().unwrap().push(text);
/// }
///
/// async fn list(notes: Notes) -> String {
///     notes.lock().unwrap().join("\n")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> oxmcp::Result<()> {
/// let notes = Notes::default();
/// let server = Server::new("notes", "1.0.0")
///     .tool("add", "Write a note down.", with_state(&notes, add))
///     .with(tool("list", with_state(&notes, list)).description("All notes.").read_only())
///     .resource("notes://all", "notes", with_state(&notes, list));
///
/// let client = Client::connect(server).await?;
/// client.call_tool("add", json!({"text": "buy milk"})).await?;
/// assert_eq!(client.call_tool("list", json!({})).await?.joined_text(), "buy milk");
/// # Ok(())
/// # }
/// ```
pub fn with_state<S: Clone, F>(state: &S, function: F) -> WithState<S, F> {
    WithState { state: state.clone(), function }
}

/// A function with its state; see [`with_state`].
#[derive(Clone, Debug)]
pub struct WithState<S, F> {
    state: S,
    function: F,
}

/// Marks functions of state, and of what `M` marks.
pub struct TakesState<M>(std::marker::PhantomData<M>);

impl<S, F, A, Fut> HandlerFn<A, TakesState<TakesArguments>> for WithState<S, F>
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, A) -> Fut + Send + Sync + 'static,
    A: DeserializeOwned,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn run(&self, arguments: A, _: Context) -> Fut {
        (self.function)(self.state.clone(), arguments)
    }
}

impl<S, F, A, Fut> HandlerFn<A, TakesState<TakesArgumentsAndContext>> for WithState<S, F>
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, A, Context) -> Fut + Send + Sync + 'static,
    A: DeserializeOwned,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn run(&self, arguments: A, context: Context) -> Fut {
        (self.function)(self.state.clone(), arguments, context)
    }
}

impl<S, F, Fut> HandlerFn<(), TakesState<TakesContext>> for WithState<S, F>
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, Context) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn run(&self, (): (), context: Context) -> Fut {
        (self.function)(self.state.clone(), context)
    }
}

impl<S, F, Fut> HandlerFn<(), TakesState<TakesNothing>> for WithState<S, F>
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn run(&self, (): (), _: Context) -> Fut {
        (self.function)(self.state.clone())
    }
}
