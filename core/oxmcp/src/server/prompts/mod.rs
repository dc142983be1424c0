//! Prompts: what they take, what writes them, what they say.

mod arguments;
mod builder;
mod get;
mod handler;
mod output;
mod registered;

use oxmcp_proto::model::Prompt;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use builder::{PromptBuilder, prompt};
pub use handler::{PromptGet, PromptHandler};
pub use output::{IntoPromptOutput, PromptOutput};

pub(super) use registered::RegisteredPrompt;

use super::{HandlerFn, Server};
use crate::Result;

impl Server {
    /// Adds a prompt, or replaces the one of that name. The handler is an async function of its arguments, of these and a
    /// [`Context`](crate::Context), or of less. The arguments are the fields of a struct: strings, numbers, enums without data, or `Option`s of
    /// these where the client may go without. What it may return: [`IntoPromptOutput`]. To say more of it, or to propose values for its
    /// arguments, [`prompt`].
    ///
    /// ```
    /// use oxmcp::Server;
    /// use oxmcp::model::PromptMessage;
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Explain {
    ///     /// What to explain.
    ///     topic: String,
    ///     /// How old the reader is.
    ///     age: Option<u8>,
    /// }
    ///
    /// let server = Server::new("demo", "1.0.0").prompt("explain", "Explain something.", |explain: Explain| async move {
    ///     let age = explain.age.unwrap_or(5);
    ///     vec![
    ///         PromptMessage::assistant("What shall I explain?"),
    ///         PromptMessage::user(format!("Explain {} to someone of {age} years.", explain.topic)),
    ///     ]
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// If the name is empty; see [`add_prompt`](Self::add_prompt).
    #[must_use]
    pub fn prompt<A, M: 'static, F>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        handler: F,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + 'static,
        F: HandlerFn<A, M>,
        F::Output: IntoPromptOutput,
    {
        self.with(prompt(name, handler).description(description))
    }

    /// Adds a prompt as `prompts/list` will show it, or replaces the one of that name. A request without an argument that the definition
    /// requires never reaches the handler.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the name is empty.
    pub fn add_prompt(&self, definition: Prompt, handler: impl PromptHandler) -> Result<()> {
        self.add(PromptBuilder::new(definition, handler))
    }

    /// Removes a prompt. False when there is none of that name.
    pub fn remove_prompt(&self, name: &str) -> bool {
        self.catalog.prompts.remove(name)
    }

    /// Shows a prompt that was disabled to clients again. False when there is none, or it is shown.
    pub fn enable_prompt(&self, name: &str) -> bool {
        self.catalog.prompts.enable(name, true)
    }

    /// Hides a prompt from clients: it is neither listed nor written, and keeps its place. False when there is none, or it is hidden.
    pub fn disable_prompt(&self, name: &str) -> bool {
        self.catalog.prompts.enable(name, false)
    }
}
