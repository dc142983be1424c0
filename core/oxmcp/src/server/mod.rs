//! A server: what it offers, and how a request is answered.

mod answer;
mod cache;
mod caller;
mod catalog;
mod completion;
mod context;
mod core;
mod extensions;
mod feature;
mod fields;
mod guard;
mod handler_error;
mod handler_fn;
mod identity;
mod incoming;
mod input;
mod list;
mod logging;
mod peer;
mod prompts;
mod registry;
mod resources;
mod result;
mod session;
mod state;
mod stream;
mod subscriptions;
mod tasks;
mod texts;
mod tools;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oxmcp_proto::model::{Implementation, Tool};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use cache::CachePolicy;
pub use completion::{Completer, Completing, CompletionSource, IntoCompletion, IsValues, Proposes};
pub use context::Context;
pub use feature::Feature;
pub use handler_error::HandlerError;
pub use handler_fn::{HandlerFn, TakesArguments, TakesArgumentsAndContext, TakesContext, TakesNothing};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use input::fuzzing;
pub use input::{
    Ask, Asked, Confirmed, Elicit, Elicited, Input, InputError, InputErrorKind, ListRoots, OfAnswers,
    OfAnswersAndContext, OptionalElicit, Sample, StateKey, Visiting, ask,
};
pub use list::List;
pub use prompts::{IntoPromptOutput, PromptBuilder, PromptGet, PromptHandler, PromptOutput, prompt};
pub use resources::{
    IntoResourceOutput, IsContents, IsFunction, ResourceBuilder, ResourceHandler, ResourceOutput,
    ResourceRead, ResourceSource, ResourceTemplateBuilder, resource, resource_template,
};
pub use state::{TakesState, WithState, with_state};
pub use tasks::TaskMode;
pub use texts::Texts;
pub use tools::{
    Arguments, IntoToolOutput, Json, ToolBuilder, ToolCall, ToolError, ToolHandler, ToolOutput, tool,
};

pub(crate) use self::core::Core;
pub(crate) use answer::{Answer, Outcome};
pub(crate) use caller::Caller;
pub(crate) use peer::{Lost, Peer, Told};
pub(crate) use session::Session;
pub(crate) use stream::StreamRole;

use crate::auth::Scopes;
use crate::layer::{Carrier, Layer, Layers};
use crate::{Limits, Result};
use catalog::Catalog;
use extensions::Extensions;
use input::Seal;
use tasks::Tasks;
use tools::RegisteredTool;

/// An MCP server: tools, resources and prompts, and who it says it is.
///
/// Clones share what they have, which may be added and removed while the server runs. How it is reached is said last:
/// [`serve_stdio`](Self::serve_stdio), [`serve`](Self::serve) over any stream, [`listen`](Self::listen) for HTTP, or
/// [`Client::connect`](crate::Client::connect) in memory.
#[derive(Clone, Debug)]
pub struct Server {
    info: Implementation,
    instructions: Option<String>,
    page_size: usize,
    logging: bool,
    limits: Limits,
    /// Whether a tool ever had arguments that HTTP repeats in headers.
    has_param_headers: Arc<AtomicBool>,
    has_scopes: Arc<AtomicBool>,
    extensions: Arc<Extensions>,
    cache: [CachePolicy; List::COUNT],
    catalog: Arc<Catalog>,
    seal: Arc<Seal>,
    tasks: Arc<Tasks>,
    layers: Option<Layers>,
}

impl Server {
    /// A server that has nothing yet.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            info: Implementation::new(name, version),
            instructions: None,
            page_size: 100,
            logging: false,
            limits: Limits::default(),
            has_param_headers: Arc::default(),
            has_scopes: Arc::default(),
            extensions: Arc::default(),
            cache: Default::default(),
            catalog: Arc::default(),
            seal: Arc::default(),
            tasks: Arc::default(),
            layers: None,
        }
    }

    /// Who the server says it is, in full.
    pub fn info(mut self, info: Implementation) -> Self {
        self.info = info;
        self
    }

    /// How to use the server, for a model.
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// The number of items on a page of each list; at least 1. Default 100.
    pub fn page_size(mut self, page_size: usize) -> Self {
        self.page_size = page_size.max(1);
        self
    }

    /// What the server holds at most.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The keys that protect what clients carry from one round of a request to the next (2026-07-28, `requestState`): the first seals, any
    /// of them opens, so that a new key can take the place of an old one while requests are under way. Default: one random key.
    ///
    /// Give the same keys to servers that answer each other's rounds, such as replicas behind one address, and to a server whose clients go
    /// on after it was started anew. Servers that do different things under the same names must not share keys.
    ///
    /// ```
    /// # use oxmcp::Server;
    /// # use oxmcp::server::StateKey;
    /// # fn main() -> oxmcp::Result<()> {
    /// # let (new, old) = ([1; 32], [2; 32]);
    /// let server = Server::new("demo", "1.0.0").state_keys([StateKey::from_secret(&new)?, StateKey::from_secret(&old)?]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn state_keys(mut self, keys: impl IntoIterator<Item = StateKey>) -> Self {
        self.seal = Arc::new(Seal::with(keys));
        self
    }

    /// Adds a tool, or replaces the one of that name. The schema of its arguments is that of the handler's argument type.
    ///
    /// The handler is an async function of its arguments, of these and a [`Context`], or of less; [`with_state`] gives it what handlers share.
    /// What it may return: [`IntoToolOutput`]. To say more of the tool, [`tool`](tool()). It begins on the task of the connection that the call came over, so code that blocks or computes for long
    /// belongs in [`tokio::task::spawn_blocking`]; see [`ToolHandler`].
    ///
    /// A panic in it is caught and logged, and the caller gets an internal error without the panic's words, which may be none of its
    /// business. Other calls and the server go on. (A program built with `panic = "abort"` ends.)
    ///
    /// ```
    /// # use oxmcp::Server;
    /// let server = Server::new("demo", "1.0.0").tool("hash", "Compute for long.", || async {
    ///     tokio::task::spawn_blocking(|| (0..1000u64).fold(7, |hash, n| hash * 31 % 1_000_003 + n)).await
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// If the schema that the type derives is not a valid JSON Schema of an object; see [`add_tool`](Self::add_tool).
    pub fn tool<A, M: 'static, F>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        handler: F,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + 'static,
        F: HandlerFn<A, M>,
        F::Output: IntoToolOutput,
    {
        self.with(tool(name, handler).description(description))
    }

    /// Adds a tool as `tools/list` will show it, or replaces the one of that name. Its arguments are checked against its
    /// `inputSchema` before the handler sees them.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the name is empty, a schema is not a valid JSON Schema of an object, or an `x-mcp-header` in it
    /// breaks the rules of revision 2026-07-28.
    pub fn add_tool(&self, tool: Tool, handler: impl ToolHandler) -> Result<()> {
        self.add_registered_tool(RegisteredTool::new(tool, Arc::new(handler))?);
        Ok(())
    }

    fn add_built_tool(
        &self,
        mut tool: Tool,
        task: Option<TaskMode>,
        scopes: Scopes,
        handler: impl ToolHandler,
    ) -> Result<()> {
        if let Some(mode) = task {
            mode.declare(&mut tool);
        }
        let mut tool = RegisteredTool::new(tool, Arc::new(handler))?;
        // What is declared does not say when.
        tool.task = task.or(tool.task);
        tool.scopes = (!scopes.is_empty()).then(|| Arc::new(scopes));
        self.add_registered_tool(tool);
        Ok(())
    }

    fn add_registered_tool(&self, tool: RegisteredTool) {
        if tool.scopes.is_some() {
            self.has_scopes.store(true, Ordering::Relaxed);
        }
        if tool.param_headers.is_some() {
            self.has_param_headers.store(true, Ordering::Relaxed);
        }
        if tool.task.is_some() {
            self.tasks.offer();
        }
        self.catalog.tools.add(tool);
    }

    /// Removes a tool. False when there is none of that name.
    pub fn remove_tool(&self, name: &str) -> bool {
        self.catalog.tools.remove(name)
    }

    /// Shows a tool that was disabled to clients again. False when there is none, or it is shown.
    pub fn enable_tool(&self, name: &str) -> bool {
        self.catalog.tools.enable(name, true)
    }

    /// Hides a tool from clients: it is neither listed nor called, and keeps its place. False when there is none, or it is hidden.
    pub fn disable_tool(&self, name: &str) -> bool {
        self.catalog.tools.enable(name, false)
    }

    /// What clients are told of keeping the pages of a list (2026-07-28). Default: nothing may be kept.
    #[must_use]
    pub fn cache_list(mut self, list: List, policy: CachePolicy) -> Self {
        self.cache[list as usize] = policy;
        self
    }

    /// Tells clients that the server has a list, even while nothing is in it.
    ///
    /// By itself, a server tells them of what was ever added to it, and of tools if nothing was. What a server did not tell of, its clients
    /// do not ask for; so a server that gets its first prompt, say, when clients are connected already, should declare its prompts before.
    #[must_use]
    pub fn declare(self, list: List) -> Self {
        self.catalog.declare(list);
        self
    }

    /// Adds a layer, inside of those that were added before: it sees every message of this server and its clients, and may change or stop it.
    /// See [`layer`](crate::layer).
    ///
    /// ```
    /// use oxmcp::layer::{LayerRequest, Next, from_fn};
    /// # use oxmcp::Server;
    ///
    /// let server = Server::new("demo", "1.0.0").layer(from_fn(|request: LayerRequest, next: Next| async move {
    ///     println!("{:?} {} {}", request.direction(), request.method(), request.params().as_str());
    ///     next.run(request).await
    /// }));
    /// ```
    #[must_use]
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.layers = Some(Layers::with(self.layers.as_ref(), layer));
        self
    }

    pub(crate) fn core(&self) -> Arc<Core> {
        self.core_over(Carrier::Stream)
    }

    pub(crate) fn core_over(&self, carrier: Carrier) -> Arc<Core> {
        Arc::new(Core::new(self, carrier))
    }
}

/// Reads a JSON Schema; for tools whose schema is written by hand.
pub fn schema(value: Value) -> oxmcp_proto::jsonrpc::RawJson {
    oxmcp_proto::jsonrpc::RawJson::from_written(value.to_string())
}
