use std::borrow::Cow;

use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::member::{milliseconds, present, switch};
use super::{CacheScope, Content, Extra, Icon, ResultType};
use crate::jsonrpc::RawJson;

/// A tool as `tools/list` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    /// What `tools/call` calls it.
    pub name: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it does, for a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A JSON Schema (2020-12 unless it says otherwise) of the arguments object.
    pub input_schema: RawJson,
    /// A JSON Schema of `structuredContent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<RawJson>,
    /// How it may be run (2025-11-25).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ToolExecution>,
    /// Hints about what it does to the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<ToolAnnotations>,
    /// Pictures to show for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icons: Option<Vec<Icon>>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Tool {
    /// A tool with a name and a JSON Schema of its arguments, and nothing else.
    pub fn new(name: impl Into<String>, input_schema: RawJson) -> Self {
        Self {
            name: name.into(),
            title: None,
            description: None,
            input_schema,
            output_schema: None,
            execution: None,
            annotations: None,
            icons: None,
            meta: None,
            extra: Extra::new(),
        }
    }
}

/// Hints about a tool. They come from the server and are only as trustworthy as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolAnnotations {
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// It changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only_hint: Option<bool>,
    /// It may destroy something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destructive_hint: Option<bool>,
    /// Calling it twice with the same arguments is as calling it once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent_hint: Option<bool>,
    /// It deals with things outside, such as the web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_world_hint: Option<bool>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How a tool may be run (2025-11-25).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolExecution {
    /// Whether a call of it may be a task; absent means that it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_support: Option<TaskSupport>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

names! {
    /// Whether a call of a tool may be a task (2025-11-25).
    TaskSupport {
        /// It must not.
        Forbidden "forbidden",
        /// It may.
        Optional "optional",
        /// It must.
        Required "required",
    }
}

/// The answer to `tools/list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListToolsResult {
    /// The tools of this page.
    pub tools: Vec<Tool>,
    /// Where the next page begins, when there is one. Any string, even an empty one, means that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// For how many milliseconds it is fresh, beginning with its arrival (2026-07-28).
    #[serde(default, deserialize_with = "milliseconds", skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
    /// Who may reuse it (2026-07-28).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_scope: Option<CacheScope>,
    /// What kind of result it is; absent means complete (2026-07-28).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `tools/call`, as slices of the request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallToolParams<'a> {
    /// The tool.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The arguments, an object.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<&'a RawValue>,
    /// What the client answers to the input requests of an earlier try (2026-07-28).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub input_responses: Option<&'a RawValue>,
    /// What the server gave along with those input requests (2026-07-28).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub request_state: Option<Cow<'a, str>>,
    /// That the call is to be a task (2025-11-25).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub task: Option<&'a RawValue>,
}

/// The answer to `tools/call`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallToolResult {
    /// What the tool has to say, for a model.
    #[serde(default)]
    pub content: Vec<Content>,
    /// The same as data, as `outputSchema` describes it (2025-06-18 on). An object until 2025-11-25, any JSON from 2026-07-28 on.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub structured_content: Option<Value>,
    /// The tool failed, and `content` says how.
    #[serde(default, deserialize_with = "switch", skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
    /// What kind of result it is; absent means complete (2026-07-28).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl CallToolResult {
    /// One text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![Content::text(text)], ..Self::default() }
    }

    /// One text block that says how the tool failed.
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::text(text) }
    }

    /// The text blocks, one after another on lines of their own. Empty when there are none.
    pub fn joined_text(&self) -> String {
        let texts: Vec<&str> = self.content.iter().filter_map(Content::as_text).collect();
        texts.join("\n")
    }

    /// The structured content as a type of yours.
    ///
    /// ```
    /// # use oxmcp_proto::model::CallToolResult;
    /// #[derive(serde::Deserialize)]
    /// struct Weather {
    ///     temperature: f64,
    /// }
    ///
    /// # let structured_content = Some(serde_json::json!({"temperature": -3.5}));
    /// # let result = CallToolResult { structured_content, ..CallToolResult::default() };
    /// let weather: Weather = result.structured().unwrap();
    /// assert_eq!(weather.temperature, -3.5);
    /// ```
    ///
    /// # Errors
    ///
    /// If there is none, with what the tool said if it failed; or if it is no `T`.
    pub fn structured<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match &self.structured_content {
            Some(content) => T::deserialize(content),
            None if self.is_error => {
                Err(de::Error::custom(format_args!("the tool failed: {}", self.joined_text())))
            }
            None => Err(de::Error::custom("the result has no structured content")),
        }
    }
}
