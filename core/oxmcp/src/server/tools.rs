use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonschema::{PatternOptions, Validator};
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::Tool;
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::handler::ToolHandler;
use super::output::{Structured, ToolOutput};
use crate::{Error, Result};

/// The tools of a server, in the order in which they were added. Readers take a snapshot, so adding and removing never waits for a
/// call.
#[derive(Default)]
pub(super) struct Tools(RwLock<Arc<Snapshot>>);

/// The tools at one moment.
#[derive(Default)]
pub(super) struct Snapshot {
    tools: Vec<Arc<RegisteredTool>>,
    by_name: FxHashMap<Box<str>, usize>,
    /// The pages of the size that was asked for first.
    pages: OnceLock<(usize, Vec<Page>)>,
}

/// A tool with what runs when it is called.
pub(super) struct RegisteredTool {
    name: Box<str>,
    definition: RawJson,
    arguments: Option<Validator>,
    structured: Option<Validator>,
    pub(super) handler: Arc<dyn ToolHandler>,
}

/// A page of `tools/list`.
#[derive(Clone)]
pub(super) struct Page {
    /// The array of tools.
    pub(super) tools: RawJson,
    /// Where the next page begins.
    pub(super) next_cursor: Option<String>,
}

impl Tools {
    pub(super) fn add(&self, tool: Tool, handler: Arc<dyn ToolHandler>) -> Result<()> {
        let tool = Arc::new(RegisteredTool::new(tool, handler)?);
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut tools = current.tools.clone();
        match current.by_name.get(&tool.name) {
            Some(at) => tools[*at] = tool,
            None => tools.push(tool),
        }
        *current = Arc::new(Snapshot::new(tools));
        Ok(())
    }

    pub(super) fn remove(&self, name: &str) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = current.by_name.get(name).copied() else { return false };
        let mut tools = current.tools.clone();
        tools.remove(at);
        *current = Arc::new(Snapshot::new(tools));
        true
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn tool(&self, name: &str) -> Option<Arc<RegisteredTool>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        current.by_name.get(name).map(|at| current.tools[*at].clone())
    }
}

impl Snapshot {
    fn new(tools: Vec<Arc<RegisteredTool>>) -> Self {
        let by_name = tools.iter().enumerate().map(|(at, tool)| (tool.name.clone(), at)).collect();
        Self { tools, by_name, pages: OnceLock::new() }
    }

    /// The page at a cursor; the first without one.
    pub(super) fn page(&self, cursor: Option<&str>, size: usize) -> std::result::Result<Page, ErrorObject> {
        let start = match cursor {
            None => 0,
            // A cursor names the last tool of the page before, so it stays good while others come and go.
            Some(cursor) => {
                self.after(cursor).ok_or_else(|| ErrorObject::invalid_params("invalid cursor"))?
            }
        };
        if start % size == 0 {
            let (of_size, pages) = self.pages.get_or_init(|| (size, self.pages(size)));
            if let (true, Some(page)) = (*of_size == size, pages.get(start / size)) {
                return Ok(page.clone());
            }
        }
        Ok(self.page_from(start, size))
    }

    fn pages(&self, size: usize) -> Vec<Page> {
        (0..self.tools.len().max(1)).step_by(size).map(|start| self.page_from(start, size)).collect()
    }

    fn page_from(&self, start: usize, size: usize) -> Page {
        let end = (start + size).min(self.tools.len());
        let mut tools = Vec::from(*b"[");
        for (at, tool) in self.tools[start..end].iter().enumerate() {
            if at > 0 {
                tools.push(b',');
            }
            tools.extend_from_slice(tool.definition.as_bytes());
        }
        tools.push(b']');
        let next_cursor =
            (end < self.tools.len()).then(|| URL_SAFE_NO_PAD.encode(&*self.tools[end - 1].name));
        Page { tools: RawJson::from_written(tools), next_cursor }
    }

    fn after(&self, cursor: &str) -> Option<usize> {
        let name = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        self.by_name.get(name.as_str()).map(|at| at + 1)
    }
}

impl RegisteredTool {
    fn new(tool: Tool, handler: Arc<dyn ToolHandler>) -> Result<Self> {
        let name = tool.name.clone();
        if name.is_empty() {
            return Err(Error::misuse("a tool needs a name"));
        }
        let bad = |what: &str, why: String| Error::misuse(format!("tool {name:?}: its {what} {why}"));
        let input = object_schema(&tool.input_schema).map_err(|why| bad("inputSchema", why))?;
        let structured = match &tool.output_schema {
            Some(output) => Some(
                any_schema(output)
                    .and_then(|schema| compile(&schema))
                    .map_err(|why| bad("outputSchema", why))?,
            ),
            None => None,
        };
        let arguments = match takes_any_object(&input) {
            true => None,
            false => Some(compile(&input).map_err(|why| bad("inputSchema", why))?),
        };
        let definition = RawJson::of(&tool).map_err(|error| bad("definition", error.to_string()))?;
        Ok(Self { name: name.into(), definition, arguments, structured, handler })
    }

    /// Says what is wrong with the arguments, for the caller to mend.
    pub(super) fn check(&self, arguments: &RawJson) -> std::result::Result<(), String> {
        if !arguments.is_object() {
            return Err("the arguments are not an object".to_owned());
        }
        let Some(validator) = &self.arguments else { return Ok(()) };
        check(validator, &arguments.to().map_err(|error| error.to_string())?)
    }

    /// Says how a result breaks the promise of `outputSchema` (2025-06-18 on, tools, "Output Schema").
    pub(super) fn check_output(&self, output: &ToolOutput) -> std::result::Result<(), String> {
        let Some(validator) = &self.structured else { return Ok(()) };
        match output.structured_content()? {
            Structured::Content(content) => check(validator, &content),
            Structured::Failed => Ok(()),
            Structured::Missing => Err("it has no structuredContent".to_owned()),
        }
    }
}

/// The longest explanation of one problem, in bytes. It quotes the value that is wrong where that is short; a caller may send a long one.
const MAX_PROBLEM: usize = 1024;

fn check(validator: &Validator, value: &Value) -> std::result::Result<(), String> {
    // Deciding is much cheaper than explaining.
    if validator.is_valid(value) {
        return Ok(());
    }
    let explain = |error: jsonschema::ValidationError<'_>| {
        let mut problem = match error.instance_path().as_str() {
            "" => error.to_string(),
            path => format!("{error} (at {path})"),
        };
        if problem.len() > MAX_PROBLEM {
            problem = format!("{} (at {})", error.masked(), error.instance_path().as_str());
            let end = (0..=MAX_PROBLEM.min(problem.len())).rev().find(|end| problem.is_char_boundary(*end));
            problem.truncate(end.unwrap_or(0));
        }
        problem
    };
    let problems: Vec<String> = validator.iter_errors(value).take(8).map(explain).collect();
    Err(problems.join("; "))
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

/// Compiles a schema. It reads nothing from the network or disk, and its patterns run in linear time.
fn compile(schema: &Value) -> std::result::Result<Validator, String> {
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|error| format!("is not a valid JSON Schema: {error}"))
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.snapshot().tools.iter().map(|tool| &tool.name)).finish()
    }
}
