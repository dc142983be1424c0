use std::sync::Arc;

use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::Tool;
use serde_json::Value;

use super::handler::ToolHandler;
use super::output::{Structured, ToolOutput};
use crate::auth::Scopes;
use crate::param_headers::ParamHeader;
use crate::schema::Schema;
use crate::server::TaskMode;
use crate::server::registry::Item;
use crate::{Error, Result};

/// A tool with what runs when it is called.
pub(in crate::server) struct RegisteredTool {
    name: Box<str>,
    definition: RawJson,
    arguments: Option<Schema>,
    structured: Option<Schema>,
    /// The arguments that HTTP repeats in headers, if there are any.
    pub(in crate::server) param_headers: Option<Arc<[ParamHeader]>>,
    /// The scopes that its calls need, if they need any.
    pub(in crate::server) scopes: Option<Arc<Scopes>>,
    /// Whether calls of it may be tasks.
    pub(in crate::server) task: Option<TaskMode>,
    pub(super) handler: Arc<dyn ToolHandler>,
}

impl Item for RegisteredTool {
    fn key(&self) -> &str {
        &self.name
    }

    fn definition(&self) -> &RawJson {
        &self.definition
    }
}

impl RegisteredTool {
    pub(in crate::server) fn new(tool: Tool, handler: Arc<dyn ToolHandler>) -> Result<Self> {
        let name = tool.name.clone();
        if name.is_empty() {
            return Err(Error::misuse("a tool needs a name"));
        }
        let bad = |what: &str, why: String| Error::misuse(format!("tool {name:?}: its {what} {why}"));
        let input = object_schema(&tool.input_schema).map_err(|why| bad("inputSchema", why))?;
        let structured = match &tool.output_schema {
            Some(output) => Some(
                any_schema(output)
                    .and_then(|schema| Schema::compile(&schema))
                    .map_err(|why| bad("outputSchema", why))?,
            ),
            None => None,
        };
        let arguments = match takes_any_object(&input) {
            true => None,
            false => Some(Schema::compile(&input).map_err(|why| bad("inputSchema", why))?),
        };
        let headers = ParamHeader::of_schema(&input).map_err(|why| bad("inputSchema", why))?;
        let param_headers = (!headers.is_empty()).then(|| headers.into());
        let definition = RawJson::of(&tool).map_err(|error| bad("definition", error.to_string()))?;
        let task = TaskMode::of(&tool);
        Ok(Self {
            name: name.into(),
            definition,
            arguments,
            structured,
            param_headers,
            scopes: None,
            task,
            handler,
        })
    }

    /// Says what is wrong with the arguments, for the caller to mend.
    pub(super) fn check(&self, arguments: &RawJson) -> std::result::Result<(), String> {
        if !arguments.is_object() {
            return Err("the arguments are not an object".to_owned());
        }
        let Some(schema) = &self.arguments else { return Ok(()) };
        schema.check(&arguments.to_tree().map_err(|error| error.to_string())?)
    }

    /// Says how a result breaks the promise of `outputSchema` (2025-06-18 on, tools, "Output Schema").
    pub(super) fn check_output(&self, output: &ToolOutput) -> std::result::Result<(), String> {
        let Some(schema) = &self.structured else { return Ok(()) };
        match output.structured_content()? {
            Structured::Content(content) => schema.check(&content),
            Structured::Failed => Ok(()),
            Structured::Missing => Err("it has no structuredContent".to_owned()),
        }
    }
}

fn any_schema(schema: &RawJson) -> std::result::Result<Value, String> {
    schema.to().map_err(|error| format!("is not JSON: {error}"))
}

fn object_schema(schema: &RawJson) -> std::result::Result<Value, String> {
    let schema = any_schema(schema)?;
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => Ok(schema),
        _ => Err("is not a JSON Schema with `\"type\": \"object\"`".to_owned()),
    }
}

fn takes_any_object(schema: &Value) -> bool {
    schema.as_object().is_some_and(|schema| {
        schema.keys().all(|key| matches!(key.as_str(), "type" | "$schema" | "title" | "description"))
    })
}
