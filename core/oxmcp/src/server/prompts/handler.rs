use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use super::output::{IntoPromptOutput, PromptOutput};
use crate::server::handler_fn::Typed;
use crate::server::texts::read_texts;
use crate::server::{Context, HandlerError, HandlerFn, Texts};

/// A request for a prompt.
#[derive(Clone, Debug)]
pub struct PromptGet {
    /// Its arguments; those that the definition requires are there.
    pub arguments: Texts,
    /// The request it came in.
    pub context: Context,
}

/// What writes a prompt. Functions are made one by [`Server::prompt`](crate::Server::prompt); implement it for prompts that are not known
/// when the program is written.
///
/// What [`ToolHandler`](crate::server::ToolHandler) says of where it runs and of panics is true here too.
pub trait PromptHandler: Send + Sync + 'static {
    /// Writes it. When the caller no longer waits, the future is dropped.
    fn get(&self, get: PromptGet) -> BoxFuture<'static, Result<PromptOutput, HandlerError>>;
}

/// Makes a function of the arguments of a prompt what writes it.
pub(super) fn prompt_handler<F, A, M>(function: F) -> impl PromptHandler
where
    F: HandlerFn<A, M>,
    A: DeserializeOwned + 'static,
    F::Output: IntoPromptOutput,
    M: 'static,
{
    Typed::<F, A, M>::new(function)
}

impl<F, A, M> PromptHandler for Typed<F, A, M>
where
    F: HandlerFn<A, M>,
    A: DeserializeOwned + 'static,
    F::Output: IntoPromptOutput,
    M: 'static,
{
    fn get(&self, get: PromptGet) -> BoxFuture<'static, Result<PromptOutput, HandlerError>> {
        match read_texts(&get.arguments) {
            Ok(arguments) => {
                let future = self.0.run(arguments, get.context);
                Box::pin(async move { future.await.into_prompt_output() })
            }
            Err(error) => {
                let error = HandlerError::invalid(format!("invalid arguments: {error}"));
                Box::pin(std::future::ready(Err(error)))
            }
        }
    }
}
