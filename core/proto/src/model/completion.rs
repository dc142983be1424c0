use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::member::integral;
use super::{Extra, ResultType};

/// `completion/complete`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteParams {
    /// What the argument belongs to.
    #[serde(rename = "ref")]
    pub reference: CompletionReference,
    /// The argument as far as it is typed.
    pub argument: CompletionArgument,
    /// What else is known (2025-06-18 on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<CompletionContext>,
    /// Metadata.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What an argument belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum CompletionReference {
    /// A prompt.
    #[serde(rename = "ref/prompt")]
    Prompt(PromptReference),
    /// A resource template.
    #[serde(rename = "ref/resource")]
    Resource(ResourceTemplateReference),
}

/// A prompt by its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromptReference {
    /// The prompt.
    pub name: String,
    /// A name for people (2025-06-18 on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A resource template by its pattern, or a resource by its URI.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceTemplateReference {
    /// The pattern or the URI.
    pub uri: String,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl CompletionReference {
    /// A prompt by its name.
    pub fn prompt(name: impl Into<String>) -> Self {
        Self::Prompt(PromptReference { name: name.into(), ..PromptReference::default() })
    }

    /// A resource template by its pattern.
    pub fn resource(uri: impl Into<String>) -> Self {
        Self::Resource(ResourceTemplateReference { uri: uri.into(), extra: Extra::new() })
    }
}

/// An argument as far as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompletionArgument {
    /// The argument of the prompt, or the variable of the pattern.
    pub name: String,
    /// What is typed so far.
    pub value: String,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What is known beside the argument that is being typed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompletionContext {
    /// The values of other arguments, by their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<BTreeMap<String, String>>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The answer to `completion/complete`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteResult {
    /// The proposals.
    pub completion: Completion,
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

/// Proposals for the value of an argument, the best first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completion {
    /// At most [`MAX_VALUES`](Self::MAX_VALUES) of them.
    pub values: Vec<String>,
    /// How many there are in all, when that is known.
    #[serde(default, deserialize_with = "integral", skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Whether there are more than `values`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_more: Option<bool>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Completion {
    /// The most values that the spec lets a server propose at once.
    pub const MAX_VALUES: usize = 100;
}
