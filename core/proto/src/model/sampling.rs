use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::member::{integer, one_or_many, present, switch};
use super::{AudioContent, Content, Extra, ImageContent, Role, TaskMetadata, TextContent, Tool};

/// `sampling/createMessage`. Deprecated since 2026-07-28, where it is an input request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateMessageParams {
    /// The conversation so far.
    pub messages: Vec<SamplingMessage>,
    /// Which model to take; the client may take another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_preferences: Option<ModelPreferences>,
    /// The system prompt; the client may change or drop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// Which servers' context to add; absent means none. The client may refuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_context: Option<IncludeContext>,
    /// How freely the model is to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The most tokens to generate.
    #[serde(deserialize_with = "integer")]
    pub max_tokens: u64,
    /// Texts at which to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_sequences: Option<Vec<String>>,
    /// Anything for the model's provider, in its own format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Extra>,
    /// Tools that the model may use (2025-11-25 on; needs the client's `sampling.tools`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Tool>>,
    /// How it is to use them; absent means as it likes (2025-11-25 on; needs the client's `sampling.tools`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// That it is to be a task (2025-11-25).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskMetadata>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A message to or from a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SamplingMessage {
    /// Who says it.
    pub role: Role,
    /// What is said: one block, or several (2025-11-25 on).
    #[serde(with = "one_or_many")]
    pub content: Vec<SamplingContent>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl SamplingMessage {
    /// Something that the user says.
    pub fn user(content: impl Into<SamplingContent>) -> Self {
        Self { role: Role::User, content: vec![content.into()], meta: None, extra: Extra::new() }
    }

    /// Something that the model says.
    pub fn assistant(content: impl Into<SamplingContent>) -> Self {
        Self { role: Role::Assistant, ..Self::user(content) }
    }
}

tagged! {
    /// A block of a message to or from a model.
    SamplingContent is "a block of a sampling message" {
        /// Text.
        Text(TextContent) "text",
        /// A picture.
        Image(ImageContent) "image",
        /// Sound (2025-03-26 on).
        Audio(AudioContent) "audio",
        /// The model wants a tool to be called (2025-11-25 on).
        ToolUse(ToolUseContent) "tool_use",
        /// What came of it (2025-11-25 on).
        ToolResult(ToolResultContent) "tool_result",
    }
}

impl SamplingContent {
    /// A text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextContent { text: text.into(), annotations: None, meta: None, extra: Extra::new() })
    }

    /// The text of a text block.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(block) => Some(&block.text),
            _ => None,
        }
    }
}

impl From<&str> for SamplingContent {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for SamplingContent {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// The model wants a tool to be called (2025-11-25 on).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolUseContent {
    /// What the result is to call it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments.
    pub input: Extra,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What came of a tool that the model wanted to be called (2025-11-25 on).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResultContent {
    /// Which use of a tool it is.
    pub tool_use_id: String,
    /// What the tool has to say.
    pub content: Vec<Content>,
    /// The same as data. An object in 2025-11-25, any JSON from 2026-07-28 on.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub structured_content: Option<Value>,
    /// The tool failed, and `content` says how.
    #[serde(default, deserialize_with = "switch", skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

names! {
    /// Which servers' context the client is to add to a prompt.
    IncludeContext {
        /// None.
        None "none",
        /// That of the server that asks (deprecated; needs the client's `sampling.context`).
        ThisServer "thisServer",
        /// That of all servers (deprecated; needs the client's `sampling.context`).
        AllServers "allServers",
    }
}

/// Which model to take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelPreferences {
    /// Models by name, the first match first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints: Option<Vec<ModelHint>>,
    /// How much a low price matters, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_priority: Option<f64>,
    /// How much speed matters, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_priority: Option<f64>,
    /// How much ability matters, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intelligence_priority: Option<f64>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A model, vaguely.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelHint {
    /// A part of its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How a model is to use tools (2025-11-25 on).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolChoice {
    /// Absent means as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ToolChoiceMode>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

names! {
    /// Whether a model is to use tools (2025-11-25 on).
    ToolChoiceMode {
        /// As it likes.
        Auto "auto",
        /// It must use one.
        Required "required",
        /// It must not.
        None "none",
    }
}

/// The answer to `sampling/createMessage`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateMessageResult {
    /// Who says it: the model.
    pub role: Role,
    /// What is said: one block, or several (2025-11-25 on).
    #[serde(with = "one_or_many")]
    pub content: Vec<SamplingContent>,
    /// Which model it was.
    pub model: String,
    /// Why it stopped, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<StopReason>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl CreateMessageResult {
    /// A model said this, and had nothing to add.
    pub fn text(model: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            role: Role::Assistant,
            content: vec![SamplingContent::text(text)],
            model: model.into(),
            stop_reason: Some(StopReason::EndTurn),
            meta: None,
            extra: Extra::new(),
        }
    }
}

names! {
    /// Why a model stopped.
    StopReason {
        /// It had said everything.
        EndTurn "endTurn",
        /// It came to one of `stopSequences`.
        StopSequence "stopSequence",
        /// It came to `maxTokens`.
        MaxTokens "maxTokens",
        /// It wants tools to be called (2025-11-25 on).
        ToolUse "toolUse",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_block_stands_alone_and_several_in_an_array() {
        let text = json!({"type": "text", "text": "t"});
        let used = json!({"type": "tool_use", "id": "1", "name": "add", "input": {"a": 1}});
        for (content, blocks) in [(text.clone(), 1), (json!([text, used]), 2), (json!([]), 0)] {
            let message = json!({"role": "assistant", "content": content});
            let read: SamplingMessage = serde_json::from_value(message.clone()).unwrap();
            assert_eq!(read.content.len(), blocks);
            assert_eq!(serde_json::to_value(&read).unwrap(), message);
        }
        let one = json!({"role": "user", "content": [text]});
        let read: SamplingMessage = serde_json::from_value(one).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), json!({"role": "user", "content": text}));
    }
}
