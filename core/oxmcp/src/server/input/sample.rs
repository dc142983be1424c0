use std::collections::BTreeSet;

use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::{
    CreateMessageParams, CreateMessageResult, IncludeContext, ModelHint, ModelPreferences, Role,
    SamplingContent, SamplingMessage, Tool, ToolChoice, ToolChoiceMode,
};
use oxmcp_proto::{Method, ProtocolVersion};

use super::ask::ask;
use super::question::{Manner, Need, Question};
use super::{InputError, InputErrorKind};
use crate::Context;

/// A question to the model of a client (2026-07-28, sampling, where it is deprecated).
///
/// ```
/// use oxmcp::Context;
/// use oxmcp::server::{Sample, ToolError};
///
/// async fn capital(context: Context) -> Result<String, ToolError> {
///     let question = Sample::new("What is the capital of France?").system_prompt("Answer in one word.").max_tokens(10);
///     let answer = context.sample(question).await?;
///     Ok(answer.content[0].as_text().unwrap_or("(no text)").to_owned())
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    params: CreateMessageParams,
    manner: Manner,
}

impl Sample {
    /// Something that the user says to the model, of which at most 1,000 tokens are generated.
    pub fn new(content: impl Into<SamplingContent>) -> Self {
        let params = CreateMessageParams { max_tokens: 1000, ..CreateMessageParams::default() };
        Self::from(params).user(content)
    }

    /// Adds something that the user says.
    pub fn user(self, content: impl Into<SamplingContent>) -> Self {
        self.message(SamplingMessage::user(content))
    }

    /// Adds something that the model said.
    pub fn assistant(self, content: impl Into<SamplingContent>) -> Self {
        self.message(SamplingMessage::assistant(content))
    }

    /// Adds a message.
    pub fn message(mut self, message: SamplingMessage) -> Self {
        self.params.messages.push(message);
        self
    }

    /// The system prompt; the client may change or drop it.
    pub fn system_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.params.system_prompt = Some(prompt.into());
        self
    }

    /// The most tokens to generate.
    pub fn max_tokens(mut self, max_tokens: u64) -> Self {
        self.params.max_tokens = max_tokens;
        self
    }

    /// How freely the model is to choose; what is usual depends on its provider.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.params.temperature = Some(temperature);
        self
    }

    /// A text at which to stop.
    pub fn stop_sequence(mut self, text: impl Into<String>) -> Self {
        self.params.stop_sequences.get_or_insert_default().push(text.into());
        self
    }

    /// A model to take by a part of its name; the first that the client has is meant, and the client decides.
    pub fn model_hint(mut self, name: impl Into<String>) -> Self {
        let preferences = self.params.model_preferences.get_or_insert_default();
        let hint = ModelHint { name: Some(name.into()), ..ModelHint::default() };
        preferences.hints.get_or_insert_default().push(hint);
        self
    }

    /// What the model is to be like.
    pub fn model_preferences(mut self, preferences: ModelPreferences) -> Self {
        self.params.model_preferences = Some(preferences);
        self
    }

    /// A tool that the model may use (2025-11-25 on; the client must have declared `sampling.tools`). The handler runs it and asks again, with
    /// what the model said and what came of it.
    pub fn tool(mut self, tool: Tool) -> Self {
        self.params.tools.get_or_insert_default().push(tool);
        self
    }

    /// Whether the model is to use tools.
    pub fn tool_choice(mut self, mode: ToolChoiceMode) -> Self {
        self.params.tool_choice = Some(ToolChoice { mode: Some(mode), ..ToolChoice::default() });
        self
    }

    /// Names the question on the wire of the stateless era; see [`Elicit::key`](super::Elicit::key).
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.manner.key = Some(key.into());
        self
    }

    async fn ask(self, context: &Context) -> Result<CreateMessageResult, InputError> {
        let version = context.protocol_version();
        self.check(context)?;
        let question = Question::new(Method::CreateMessage, &self.params, self.manner)?;
        let answer: RawJson = ask(context, question).await?;
        answer.to().map_err(|error| {
            InputError::invalid(
                version.era(),
                format_args!("it is no result of sampling/createMessage: {error}"),
            )
        })
    }

    /// Whether the client and the revision know all of it, and whether the messages are in order.
    fn check(&self, context: &Context) -> Result<(), InputError> {
        use ProtocolVersion::{V2024_11_05, V2025_03_26, V2025_11_25};
        let params = &self.params;
        let version = context.protocol_version();
        Need::Sampling.check(context, "the client's model is asked", V2024_11_05)?;
        if params.tools.is_some() || params.tool_choice.is_some() {
            Need::SamplingTools.check(context, "the client's model is given tools", V2025_11_25)?;
        }
        let wants_context = !matches!(params.include_context, None | Some(IncludeContext::None));
        if wants_context && version >= V2025_11_25 {
            Need::SamplingContext.check(context, "the client is to add context", V2025_11_25)?;
        }
        for message in &params.messages {
            let blocks = &message.content;
            let has = |is: fn(&SamplingContent) -> bool| blocks.iter().any(is);
            let (what, since) = match () {
                () if has(|block| {
                    matches!(block, SamplingContent::ToolUse(_) | SamplingContent::ToolResult(_))
                }) =>
                {
                    ("uses of tools", V2025_11_25)
                }
                () if blocks.len() != 1 => ("messages of several blocks", V2025_11_25),
                () if has(|block| matches!(block, SamplingContent::Audio(_))) => ("audio", V2025_03_26),
                () => continue,
            };
            if version < since {
                let why = format!(
                    "the client's model is asked with {what}, which revision {version} does not have"
                );
                return Err(InputError::new(InputErrorKind::Unsupported, why));
            }
        }
        in_order(&params.messages).map_err(|why| {
            InputError::fault(
                InputErrorKind::Misuse,
                format!("the messages for the client's model are wrong: {why}"),
            )
        })
    }
}

impl From<CreateMessageParams> for Sample {
    fn from(params: CreateMessageParams) -> Self {
        Self { params, manner: Manner::default() }
    }
}

impl From<&str> for Sample {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Sample {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// Whether each use of a tool is followed by its result, and results stand alone (2026-07-28, sampling, "Message Content Constraints").
fn in_order(messages: &[SamplingMessage]) -> Result<(), String> {
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for message in messages {
        let results: Vec<&str> = message
            .content
            .iter()
            .filter_map(|block| match block {
                SamplingContent::ToolResult(result) => Some(&*result.tool_use_id),
                _ => None,
            })
            .collect();
        if !results.is_empty() && (results.len() < message.content.len() || message.role != Role::User) {
            return Err("results of tools stand in messages of the user of their own".to_owned());
        }
        for id in &results {
            if !open.remove(id) {
                return Err(format!("there is a result for {id:?}, which the message before does not want"));
            }
        }
        if let Some(id) = open.first() {
            return Err(format!("the result for {id:?} must follow in the next message"));
        }
        for block in &message.content {
            match block {
                SamplingContent::ToolUse(_) if message.role != Role::Assistant => {
                    return Err("only the model uses tools".to_owned());
                }
                SamplingContent::ToolUse(used) => drop(open.insert(&used.id)),
                _ => {}
            }
        }
    }
    match open.first() {
        Some(id) => Err(format!("there is no result for {id:?}")),
        None => Ok(()),
    }
}

impl Context {
    /// Asks the model of the client (2026-07-28, sampling, where it is deprecated); see [`elicit`](Self::elicit) for what becomes of the handler
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// When the client cannot be asked, its user refuses, or it does not answer; pass it on with `?`.
    pub async fn sample(&self, question: impl Into<Sample>) -> Result<CreateMessageResult, InputError> {
        question.into().ask(self).await
    }
}

#[cfg(test)]
mod tests {
    use oxmcp_proto::model::{Extra, ToolResultContent, ToolUseContent};

    use super::*;

    fn used(id: &str) -> SamplingContent {
        SamplingContent::ToolUse(ToolUseContent {
            id: id.to_owned(),
            name: "add".to_owned(),
            input: Extra::new(),
            meta: None,
            extra: Extra::new(),
        })
    }

    fn result(id: &str) -> SamplingContent {
        let result = ToolResultContent { tool_use_id: id.to_owned(), ..ToolResultContent::default() };
        SamplingContent::ToolResult(result)
    }

    fn message(role: Role, content: Vec<SamplingContent>) -> SamplingMessage {
        SamplingMessage { content, role, meta: None, extra: Extra::new() }
    }

    #[test]
    fn uses_of_tools_and_their_results_belong_together() {
        use Role::{Assistant, User};
        let text = || SamplingContent::text("t");
        let right = [
            vec![message(User, vec![text()])],
            vec![
                message(Assistant, vec![text(), used("1"), used("2")]),
                message(User, vec![result("2"), result("1")]),
            ],
        ];
        for messages in right {
            in_order(&messages).unwrap();
        }
        let wrong = [
            vec![message(Assistant, vec![used("1")])],
            vec![message(Assistant, vec![used("1"), used("2")]), message(User, vec![result("1")])],
            vec![
                message(Assistant, vec![used("1")]),
                message(User, vec![text()]),
                message(User, vec![result("1")]),
            ],
            vec![message(Assistant, vec![used("1")]), message(User, vec![result("1"), text()])],
            vec![message(Assistant, vec![used("1")]), message(Assistant, vec![result("1")])],
            vec![message(User, vec![result("1")])],
            vec![message(User, vec![used("1")]), message(User, vec![result("1")])],
        ];
        for messages in wrong {
            assert!(in_order(&messages).is_err(), "{messages:?}");
        }
    }
}
