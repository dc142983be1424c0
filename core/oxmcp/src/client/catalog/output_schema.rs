use std::sync::OnceLock;

use oxmcp_proto::jsonrpc::RawJson;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::schema::Schema;

/// An `outputSchema`, compiled when it is first needed.
pub(super) struct OutputSchema {
    json: RawJson,
    compiled: OnceLock<Option<Schema>>,
}

impl OutputSchema {
    /// A copy, so that it does not hold the page.
    pub(super) fn of(schema: &RawValue) -> Self {
        Self { json: RawJson::from_written(schema.get().to_owned()), compiled: OnceLock::new() }
    }

    /// The schema; `None` if it is none, so that there is nothing to check.
    pub(super) fn schema(&self, tool: &str) -> Option<&Schema> {
        let compile = || {
            let schema = self.json.to::<Value>().map_err(|error| error.to_string());
            schema
                .and_then(|schema| Schema::compile(&schema))
                .inspect_err(|why| tracing::warn!(tool, "the tool's outputSchema {why}"))
                .ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }
}

impl Schema {
    /// Checks what a tool's result has as structured content. An error says what is wrong.
    pub(super) fn check_result(&self, result: &RawJson) -> Result<(), String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Output {
            #[serde(default, deserialize_with = "present")]
            structured_content: Option<Value>,
            #[serde(default)]
            is_error: Option<bool>,
        }
        /// `null` is a value like any other (2026-07-28).
        fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
            Value::deserialize(deserializer).map(Some)
        }
        match result.to() {
            Ok(Output { is_error: Some(true), .. }) => Ok(()),
            Ok(Output { structured_content: Some(content), .. }) => self.check(&content),
            Ok(Output { structured_content: None, .. }) => Err("it has no structuredContent".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}
