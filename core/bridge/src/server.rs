use std::sync::Arc;

use bytes::Bytes;

use crate::{Error, Queue};

/// A binding's answer to a tool call.
#[derive(Clone, Debug)]
pub enum CallOutcome {
    /// A `CallToolResult` object as JSON: `{"content": [...], "structuredContent"?: ..., "isError"?: bool, "_meta"?}`.
    /// Anything else is answered to the peer as an internal error.
    Result(Bytes),
    /// One text block; the short way for the most common result.
    Text(String),
    /// The tool failed in a way the model should see: one text block with `isError`.
    ToolError(String),
    /// The request fails with a JSON-RPC error.
    Error {
        /// JSON-RPC code, for example -32602.
        code: i64,
        /// For people.
        message: String,
        /// JSON, or none.
        data: Option<Bytes>,
    },
}

/// A server whose tools live in the binding's language. Clones are the same server.
#[derive(Clone, Debug)]
pub struct Server {
    _p: (),
}

impl Server {
    /// The number of tool calls that may be with the binding at once; past it, calls are answered with an error.
    pub const MAX_CALLS: usize = 4096;

    /// Makes a server. `config` is a JSON object: `"name"`: string, `"version"`: string, `"title"?`,
    /// `"description"?`, `"websiteUrl"?`, `"icons"?`, `"instructions"?`: string, `"pageSize"?`: tools per
    /// `tools/list` page (default 100), `"maxMessageBytes"?` (default 16777216). Unknown keys are refused. Tool calls come out of
    /// `calls`.
    pub fn new(config: &str, calls: &Arc<Queue>) -> Result<Self, Error> {
        let _ = (config, calls);
        todo!()
    }

    /// Adds a tool, or replaces the one of that name. `definition` is the spec's `Tool` object: `"name"`,
    /// `"inputSchema"` (a JSON Schema of type object; when left out, any object is taken) and optionally `"title"`,
    /// `"description"`, `"outputSchema"`, `"annotations"`, `"icons"`, `"_meta"`. Its calls carry `target`.
    pub fn add_tool(&self, definition: &str, target: u64) -> Result<(), Error> {
        let _ = (definition, target);
        todo!()
    }

    /// Removes a tool; false when there is none of that name.
    pub fn remove_tool(&self, name: &str) -> bool {
        let _ = name;
        todo!()
    }

    /// Serves this process's stdin and stdout. The operation `id` completes with `{}` when the peer has closed or the
    /// server was closed. While it serves, what the process itself prints to stdout goes to stderr.
    pub fn serve_stdio(&self, id: u64, queue: &Arc<Queue>) {
        let _ = (id, queue);
        todo!()
    }

    /// Serves Streamable HTTP until the server is closed. The operation `id` completes with
    /// `{"url": string, "host": string, "port": number}` once it listens, or fails.
    ///
    /// `config` is a JSON object: `"host"?` (default `"127.0.0.1"`), `"port"?` (default 0: any free one), `"path"?`
    /// (default `"/mcp"`), `"allowedHosts"?` and `"allowedOrigins"?`: strings accepted in `Host` and `Origin` beside
    /// the loopback names. A `host` that is not a loopback address is refused unless `"allowedHosts"` is given.
    pub fn listen_http(&self, config: &str, id: u64, queue: &Arc<Queue>) {
        let _ = (config, id, queue);
        todo!()
    }

    /// Answers a tool call. False when nobody waits for it any more.
    pub fn respond(&self, call: u64, outcome: CallOutcome) -> bool {
        let _ = (call, outcome);
        todo!()
    }

    /// Reports progress of a tool call (it must grow). False when the peer did not ask for it or no longer waits.
    pub fn progress(&self, call: u64, progress: f64, total: Option<f64>, message: Option<&str>) -> bool {
        let _ = (call, progress, total, message);
        todo!()
    }

    /// What is known of a call in flight, as JSON: `{"requestId": string|number, "protocolVersion": string,
    /// "clientInfo"?: {...}, "progress": bool, "_meta"?: {...}}`. None when it has settled.
    pub fn call_context(&self, call: u64) -> Option<Bytes> {
        let _ = call;
        todo!()
    }

    /// Stops listening and serving, cancels calls in flight. The operation `id` completes with `{}` when everything is
    /// released. Closing again is fine.
    pub fn close(&self, id: u64, queue: &Arc<Queue>) {
        let _ = (id, queue);
        todo!()
    }
}
