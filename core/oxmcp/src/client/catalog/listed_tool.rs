use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A tool of a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedTool<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) input_schema: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) output_schema: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) annotations: Option<Hints>,
}

/// What a server says of what calls of a tool do (tools, "ToolAnnotations").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hints {
    #[serde(default)]
    read_only_hint: Option<bool>,
    #[serde(default)]
    idempotent_hint: Option<bool>,
}

impl Hints {
    pub(super) fn is_repeatable(&self) -> bool {
        self.read_only_hint == Some(true) || self.idempotent_hint == Some(true)
    }
}
