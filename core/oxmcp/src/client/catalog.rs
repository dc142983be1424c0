mod doubt;
mod known_tool;
mod listed_tool;
mod output_schema;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderName;
use oxmcp_proto::jsonrpc::{RawJson, RawObject, write_name};
use oxmcp_proto::model::CallToolParams;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use self::known_tool::KnownTool;
use self::listed_tool::{Hints, ListedTool};
use self::output_schema::OutputSchema;
use crate::param_headers::{ParamHeader, ParamValue};
use crate::{Error, Result};

pub(super) use self::doubt::Doubt;

/// What a tool takes beside its name and schemas, in bytes.
const OVERHEAD: usize = 256;

/// What a client remembers of the tools that it has listed: which arguments HTTP repeats in headers, what results have to look like, and
/// which calls may be made twice. Tools that have nothing of that are not in it.
pub(super) struct Catalog {
    /// Whether tools that ask for headers are of interest (2026-07-28 over HTTP).
    has_headers: bool,
    checks_output: bool,
    /// Whether it is of interest which calls may be made twice.
    keeps_hints: bool,
    max_bytes: usize,
    is_used: AtomicBool,
    /// Grows when everything is forgotten.
    generation: AtomicU64,
    tools: RwLock<Tools>,
}

#[derive(Default)]
struct Tools {
    by_name: FxHashMap<Box<str>, Arc<KnownTool>>,
    bytes: usize,
}

impl Catalog {
    pub(super) fn new(has_headers: bool, checks_output: bool, keeps_hints: bool, max_bytes: usize) -> Self {
        Self {
            has_headers,
            checks_output,
            keeps_hints,
            max_bytes,
            is_used: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            tools: RwLock::default(),
        }
    }

    /// Forgets everything: the server's tools have changed.
    pub(super) fn clear(&self) {
        let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::Relaxed);
        *tools = Tools::default();
        self.is_used.store(false, Ordering::Relaxed);
    }

    /// Which time between two changes of the server's tools this is. A page that was asked for in an earlier one is not remembered.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Learns from a page of `tools/list` that was asked for in a generation, and gives it without the tools that ask for headers in a wrong
    /// way (2026-07-28, Streamable HTTP, "Schema Extension").
    pub(super) fn learn(&self, page: RawJson, generation: u64) -> RawJson {
        let has = |what: &str| memchr::memmem::find(page.as_bytes(), what.as_bytes()).is_some();
        let is_of_interest = (self.has_headers && has("x-mcp-header"))
            || (self.checks_output && has("outputSchema"))
            || (self.keeps_hints && (has("readOnlyHint") || has("idempotentHint")));
        if !is_of_interest && !self.is_used.load(Ordering::Relaxed) {
            return page;
        }
        // What is no list of tools is for the caller to find out.
        let without = self.learn_from(&page, generation).unwrap_or_default();
        without.unwrap_or(page)
    }

    /// Gives the page without the tools that are left out, if there are any.
    fn learn_from(&self, page: &RawJson, generation: u64) -> serde_json::Result<Option<RawJson>> {
        let members: RawObject<'_> = page.to()?;
        let tools = members.member("tools").map_or("[]", |tools| tools.get());
        let tools: Vec<&RawValue> = serde_json::from_str(tools)?;
        let mut kept = Vec::with_capacity(tools.len());
        for raw in &tools {
            let tool: ListedTool<'_> = serde_json::from_str(raw.get())?;
            match self.headers_of(&tool) {
                Ok(headers) => {
                    self.remember(&tool, headers, generation);
                    kept.push(*raw);
                }
                Err(why) => {
                    self.forget(&tool.name);
                    tracing::warn!(
                        tool = &*tool.name,
                        "the tool is left out of the list, because its inputSchema {why}"
                    );
                }
            }
        }
        Ok((kept.len() < tools.len()).then(|| with_tools(&members, &kept)))
    }

    fn headers_of(&self, tool: &ListedTool<'_>) -> Result<Vec<ParamHeader>, String> {
        match tool.input_schema {
            Some(schema) if self.has_headers && schema.get().contains("x-mcp-header") => {
                let schema: Value = serde_json::from_str(schema.get()).map_err(|error| error.to_string())?;
                ParamHeader::of_schema(&schema)
            }
            _ => Ok(Vec::new()),
        }
    }

    fn remember(&self, tool: &ListedTool<'_>, headers: Vec<ParamHeader>, generation: u64) {
        let output = tool.output_schema.filter(|schema| self.checks_output && schema.get() != "null");
        let is_repeatable = self.keeps_hints && tool.annotations.as_ref().is_some_and(Hints::is_repeatable);
        if headers.is_empty() && output.is_none() && !is_repeatable {
            return self.forget(&tool.name);
        }
        let bytes = OVERHEAD
            + tool.name.len()
            + output.map_or(0, |schema| schema.get().len())
            + headers.iter().map(|header| OVERHEAD + header.name.as_str().len()).sum::<usize>();
        let output = output.map(OutputSchema::of);
        self.forget(&tool.name);
        let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation() != generation {
            return;
        }
        if tools.bytes + bytes > self.max_bytes {
            tracing::debug!(tool = &*tool.name, "there is no room to remember the tool");
            return;
        }
        tools.bytes += bytes;
        tools
            .by_name
            .insert(tool.name.as_ref().into(), Arc::new(KnownTool { headers, output, is_repeatable, bytes }));
        self.is_used.store(true, Ordering::Relaxed);
    }

    fn forget(&self, name: &str) {
        if self.is_used.load(Ordering::Relaxed) {
            let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(tool) = tools.by_name.remove(name) {
                tools.bytes -= tool.bytes;
            }
        }
    }

    fn tool(&self, name: &str) -> Option<Arc<KnownTool>> {
        self.tools.read().unwrap_or_else(PoisonError::into_inner).by_name.get(name).cloned()
    }

    /// Whether a `tools/call` may be made twice, as far as the server has said.
    pub(super) fn is_repeatable(&self, params: &RawJson) -> bool {
        let call = params.to::<CallToolParams<'_>>();
        call.is_ok_and(|call| self.tool(&call.name).is_some_and(|tool| tool.is_repeatable))
    }

    /// The headers that repeat arguments of a `tools/call`, with the values that they repeat.
    pub(super) fn headers(&self, params: &RawJson) -> Vec<(HeaderName, String)> {
        if !self.has_headers || !self.is_used.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let Ok(Some(Name(name))) = params.member("name") else { return Vec::new() };
        let Some(tool) = self.tool(&name).filter(|tool| !tool.headers.is_empty()) else { return Vec::new() };
        let Ok(CallToolParams { arguments: Some(arguments), .. }) = params.to() else { return Vec::new() };
        let value = |header: &ParamHeader| {
            let text = match header.value(arguments) {
                Ok(ParamValue::Text(text)) => text,
                Ok(ParamValue::Number(number)) => number.to_string(),
                // What cannot be repeated the server refuses by itself.
                Ok(ParamValue::Absent | ParamValue::Compound) | Err(_) => return None,
            };
            Some((header.name.clone(), text))
        };
        tool.headers.iter().filter_map(value).collect()
    }

    /// Checks the result of a `tools/call` against the tool's `outputSchema` (2025-06-18 on, tools, "Output Schema"), as it was listed.
    pub(super) fn check_output(&self, params: &RawJson, result: RawJson) -> Result<RawJson, Box<Doubt>> {
        if !self.checks_output || !self.is_used.load(Ordering::Relaxed) {
            return Ok(result);
        }
        let Ok(Some(Name(name))) = params.member("name") else { return Ok(result) };
        let Some(tool) = self.tool(&name) else { return Ok(result) };
        let checked = match tool.output.as_ref().and_then(|output| output.schema(&name)) {
            Some(schema) => schema.check_result(&result),
            None => Ok(()),
        };
        match checked {
            Ok(()) => Ok(result),
            Err(why) => {
                let message = format!(
                    "the server's tool {name:?} gave a result that breaks its own outputSchema: {why}"
                );
                let name = name.into_owned();
                Err(Box::new(Doubt { result, tool, name, error: Error::protocol(message).running(true) }))
            }
        }
    }

    /// Forgets the tool that a result was doubted by, if its description is still the same: the server no longer lists it.
    pub(super) fn forget_doubted(&self, doubt: &Doubt) {
        if self.tool(&doubt.name).is_some_and(|tool| Arc::ptr_eq(&tool, &doubt.tool)) {
            self.forget(&doubt.name);
        }
    }
}

/// The name of a tool that is called.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A page with other tools.
fn with_tools(page: &RawObject<'_>, tools: &[&RawValue]) -> RawJson {
    let mut out = Vec::from(*b"{");
    for (name, value) in &page.0 {
        write_name(name, &mut out);
        if name == "tools" {
            let tools: Vec<&str> = tools.iter().map(|tool| tool.get()).collect();
            out.push(b'[');
            out.extend_from_slice(tools.join(",").as_bytes());
            out.push(b']');
        } else {
            out.extend_from_slice(value.get().as_bytes());
        }
    }
    out.push(b'}');
    RawJson::from_written(out)
}
