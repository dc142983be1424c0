use std::sync::Arc;

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RawObject};
use oxmcp_proto::model::{CreateMessageParams, CreateMessageResult, Role};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Connect;
use super::input::InputFn;
use super::input_error::InputError;

impl Connect {
    /// Declares sampling, and answers the servers that want something from a model. The handler is an async function of the parameters, or of
    /// the parameters and a [`ClientContext`](super::ClientContext). Show the user what is asked and what is answered: a server is not to be
    /// trusted with a model (2025-11-25, sampling, "User Interaction Model").
    ///
    /// ```
    /// # use oxmcp::{Client, Server};
    /// use oxmcp::client::InputError;
    /// use oxmcp::model::{CreateMessageParams, CreateMessageResult};
    ///
    /// async fn sample(params: CreateMessageParams) -> Result<CreateMessageResult, InputError> {
    ///     let Some(text) = params.messages.last().and_then(|message| message.content.first()?.as_text()) else {
    ///         return Err(InputError::Refused);
    ///     };
    ///     Ok(CreateMessageResult::text("parrot-1", format!("You said: {text}")))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let server = Server::new("demo", "1.0.0");
    /// let client = Client::connect(server).on_sampling(sample).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_sampling<M>(
        mut self,
        handler: impl InputFn<CreateMessageParams, CreateMessageResult, M>,
    ) -> Self {
        self.handlers.sampling = Some(Arc::new(handler.into_handler()));
        self
    }

    /// Declares that the model of [`on_sampling`](Self::on_sampling) can use tools: `tools` and `toolChoice` (2025-11-25 on). Requests with
    /// tools are refused otherwise.
    pub fn sampling_tools(mut self) -> Self {
        self.handlers.sampling_tools = true;
        self
    }

    /// Declares that [`on_sampling`](Self::on_sampling) can add the context of servers: `includeContext` (2025-11-25 on, deprecated). The handler
    /// does not see what a server wants of it otherwise.
    pub fn sampling_context(mut self) -> Self {
        self.handlers.sampling_context = true;
        self
    }
}

/// As much of `sampling/createMessage` as a client has to check.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    #[serde(borrow, default)]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_choice: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    role: Role,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// A block of a message, or all of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Blocks {
    Many(Vec<Block>),
    One(Block),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    tool_use_id: Option<String>,
}

/// Refuses what a server must not ask: tools of a client that did not declare them, and messages whose uses of tools and their results do
/// not fit together (2025-11-25, sampling, "Message Content Constraints").
pub(super) fn check(params: &RawJson, takes_tools: bool) -> Result<(), ErrorObject> {
    let invalid =
        |why: String| ErrorObject::invalid_params(format!("invalid params of sampling/createMessage: {why}"));
    let params: Params<'_> = params.to().map_err(|error| invalid(error.to_string()))?;
    if !takes_tools && (params.tools.is_some() || params.tool_choice.is_some()) {
        return Err(invalid("this client did not declare the capability `sampling.tools`".into()));
    }
    // The tools whose results the next message has to bring.
    let mut open: Vec<String> = Vec::new();
    for message in &params.messages {
        let blocks = match serde_json::from_str(message.content.get()) {
            Ok(Blocks::Many(blocks)) => blocks,
            Ok(Blocks::One(block)) => vec![block],
            Err(error) => return Err(invalid(format!("the content of a message: {error}"))),
        };
        let is_result = |block: &Block| block.kind == "tool_result";
        let results = blocks.iter().filter(|block| is_result(block)).count();
        if results > 0 && results < blocks.len() {
            return Err(invalid("a message has tool results beside other content".into()));
        }
        if results > 0 && message.role != Role::User {
            return Err(invalid("tool results are in a message that is not the user's".into()));
        }
        for id in
            blocks.iter().filter(|block| is_result(block)).filter_map(|block| block.tool_use_id.as_ref())
        {
            match open.iter().position(|open| open == id) {
                Some(at) => drop(open.swap_remove(at)),
                None => return Err(invalid(format!("the tool result {id:?} is of no tool use before it"))),
            }
        }
        if let Some(id) = open.first() {
            return Err(invalid(format!("the result of the tool use {id:?} is missing")));
        }
        open = blocks
            .into_iter()
            .filter(|block| block.kind == "tool_use")
            .filter_map(|block| block.id)
            .collect();
    }
    match open.first() {
        Some(id) => Err(invalid(format!("the result of the tool use {id:?} is missing"))),
        None => Ok(()),
    }
}

/// The parameters without a wish for the context of servers, which a server should not have if the client did not declare that it can add
/// it (2025-11-25, sampling, "Capabilities").
pub(super) fn without_context(params: RawJson) -> RawJson {
    const NAME: &str = "includeContext";
    if !matches!(params.member::<IgnoredAny>(NAME), Ok(Some(_))) {
        return params;
    }
    // It was read before.
    let Ok(mut members) = params.to::<RawObject<'_>>() else { return params };
    members.remove(NAME);
    members.to_json()
}

/// Refuses what is no `CreateMessageResult`.
pub(super) fn check_answer(answer: RawJson) -> Result<RawJson, InputError> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(rename = "role")]
        _role: Role,
        #[serde(borrow, rename = "content")]
        _content: &'a RawValue,
        #[serde(rename = "model")]
        _model: String,
    }
    match answer.to::<Answer<'_>>() {
        Ok(_) => Ok(answer),
        Err(error) => {
            Err(InputError::failed(format!("the handler answered with no CreateMessageResult: {error}")))
        }
    }
}
