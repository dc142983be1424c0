use std::sync::Arc;

use bytes::Bytes;
use oxmcp_bridge::{CallOutcome, Queue, Server};

use crate::guard::guard;
use crate::{FfiError, FfiQueue};

/// A server whose tools live in the foreign language. Calls and what its own operations settle come out of the queue
/// it was made with.
#[derive(Debug, uniffi::Object)]
pub struct FfiServer {
    server: Server,
    queue: Arc<Queue>,
}

#[uniffi::export]
impl FfiServer {
    /// Makes a server. `config` is a JSON object: `"name"`, `"version"`, and optionally `"title"`, `"description"`,
    /// `"websiteUrl"`, `"icons"`, `"instructions"`, `"pageSize"`, `"maxMessageBytes"`. Unknown keys are refused.
    #[uniffi::constructor]
    pub fn new(config: &str, queue: &FfiQueue) -> Result<Arc<Self>, FfiError> {
        let queue = queue.inner().clone();
        Ok(Arc::new(Self { server: Server::new(config, &queue)?, queue }))
    }

    /// Adds a tool, or replaces the one of that name. `definition` is the spec's `Tool` object as JSON; the
    /// `ToolCall` events of its calls carry `target`.
    pub fn add_tool(&self, definition: &str, target: u64) -> Result<(), FfiError> {
        Ok(self.server.add_tool(definition, target)?)
    }

    /// Removes a tool; false when there is none of that name.
    pub fn remove_tool(&self, name: &str) -> bool {
        guard(false, || self.server.remove_tool(name))
    }

    /// Serves this process's stdin and stdout. The operation `id` completes with `{}` when the peer has closed or the
    /// server was closed. While it serves, what the process itself prints to stdout goes to stderr.
    pub fn serve_stdio(&self, id: u64) -> Result<(), FfiError> {
        FfiError::attempt(|| self.server.serve_stdio(id, &self.queue))
    }

    /// Serves Streamable HTTP until the server is closed. The operation `id` completes with
    /// `{"url": string, "host": string, "port": number}` once it listens, or fails. `config` is a JSON object:
    /// `"host"?`, `"port"?`, `"path"?`, `"allowedHosts"?`, `"allowedOrigins"?`.
    pub fn listen_http(&self, config: &str, id: u64) -> Result<(), FfiError> {
        FfiError::attempt(|| self.server.listen_http(config, id, &self.queue))
    }

    /// Answers a call with a `CallToolResult` object as UTF-8 JSON, borrowed for this call. False when nobody waits
    /// for it any more.
    pub fn respond_result(&self, call: u64, result: &[u8]) -> bool {
        self.respond(call, || CallOutcome::Result(Bytes::copy_from_slice(result)))
    }

    /// Answers a call with one text block. False when nobody waits for it any more.
    pub fn respond_text(&self, call: u64, text: String) -> bool {
        self.respond(call, || CallOutcome::Text(text))
    }

    /// Answers a call with a failure the model should see: one text block with `isError`. False when nobody waits
    /// for it any more.
    pub fn respond_tool_error(&self, call: u64, text: String) -> bool {
        self.respond(call, || CallOutcome::ToolError(text))
    }

    /// Fails the request with a JSON-RPC error; `data` is JSON or none. False when nobody waits for it any more.
    pub fn respond_error(&self, call: u64, code: i64, message: String, data: Option<Vec<u8>>) -> bool {
        self.respond(call, || CallOutcome::Error { code, message, data: data.map(Bytes::from) })
    }

    /// Reports progress of a call (it must grow). A `total` that is not a number (NaN) and a `message` that is empty
    /// are left out. False when the peer did not ask for it or no longer waits.
    pub fn progress(&self, call: u64, progress: f64, total: f64, message: &str) -> bool {
        let total = Some(total).filter(|total| !total.is_nan());
        let message = Some(message).filter(|message| !message.is_empty());
        guard(false, || self.server.progress(call, progress, total, message))
    }

    /// What is known of a call in flight, as UTF-8 JSON: `{"requestId": string|number, "protocolVersion": string,
    /// "clientInfo"?: {...}, "progress": bool, "_meta"?: {...}}`. None when it has settled.
    pub fn call_context(&self, call: u64) -> Option<Vec<u8>> {
        guard(None, || self.server.call_context(call).map(Vec::from))
    }

    /// Stops listening and serving and cancels calls in flight. The operation `id` completes with `{}` when everything
    /// is released. Closing again is fine.
    pub fn close_server(&self, id: u64) -> Result<(), FfiError> {
        FfiError::attempt(|| self.server.close(id, &self.queue))
    }
}

impl FfiServer {
    /// The bridge's server.
    pub(crate) fn inner(&self) -> &Server {
        &self.server
    }

    fn respond(&self, call: u64, outcome: impl FnOnce() -> CallOutcome) -> bool {
        guard(false, || self.server.respond(call, outcome()))
    }
}
