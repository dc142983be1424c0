use oxmcp_proto::model::{Icon, Prompt};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::PromptHandler;
use super::arguments::arguments_of;
use super::handler::prompt_handler;
use super::output::IntoPromptOutput;
use super::registered::RegisteredPrompt;
use crate::Result;
use crate::server::completion::{Completers, CompletionSource};
use crate::server::{Feature, HandlerFn, Server};

/// A prompt for [`Server::with`] and [`Server::add`]. The handler is an async function; see [`Server::prompt`].
///
/// ```
/// use oxmcp::Server;
/// use oxmcp::server::prompt;
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Review {
///     /// What to review.
///     code: String,
///     /// The language it is written in.
///     language: Option<String>,
/// }
///
/// async fn review(review: Review) -> String {
///     format!("Please review this {} code:\n{}", review.language.unwrap_or_default(), review.code)
/// }
///
/// let server = Server::new("demo", "1.0.0").with(
///     prompt("review", review)
///         .title("Code review")
///         .description("Asks for a review of code.")
///         .complete("language", ["C", "Kotlin", "Python", "Rust", "Swift", "TypeScript"]),
/// );
/// ```
pub fn prompt<A, M: 'static, F>(name: impl Into<String>, handler: F) -> PromptBuilder
where
    A: DeserializeOwned + JsonSchema + 'static,
    F: HandlerFn<A, M>,
    F::Output: IntoPromptOutput,
{
    let arguments = arguments_of::<A>();
    let arguments = (!arguments.is_empty()).then_some(arguments);
    PromptBuilder::new(Prompt { arguments, ..Prompt::new(name) }, prompt_handler(handler))
}

/// A prompt that is being described.
#[must_use = "it is added by `Server::with` or `Server::add`"]
pub struct PromptBuilder {
    definition: Prompt,
    completers: Completers,
    handler: Box<dyn PromptHandler>,
}

impl PromptBuilder {
    /// As the list will show it, in full.
    pub fn new(definition: Prompt, handler: impl PromptHandler) -> Self {
        Self { definition, completers: Completers::default(), handler: Box::new(handler) }
    }

    /// A name for people.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.definition.title = Some(title.into());
        self
    }

    /// What it is good for.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.definition.description = Some(description.into());
        self
    }

    /// One more picture to show for it.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.definition.icons.get_or_insert_default().push(icon);
        self
    }

    /// A member of its `_meta`.
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.definition.meta.get_or_insert_default().insert(key.into(), value.into());
        self
    }

    /// What is proposed for an argument while it is typed; see [`CompletionSource`].
    pub fn complete<M>(mut self, argument: impl Into<String>, source: impl CompletionSource<M>) -> Self {
        self.completers.add(argument.into(), source);
        self
    }
}

impl Feature for PromptBuilder {
    fn add_to(self, server: &Server) -> Result<()> {
        let completes = !self.completers.is_empty();
        server.catalog.prompts.add(RegisteredPrompt::new(self.definition, self.completers, self.handler)?);
        if completes {
            server.catalog.declare_completions();
        }
        Ok(())
    }
}
