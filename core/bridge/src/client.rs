use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{Error, Queue, Server};

/// What a client can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `tools/list`, every page. Parameters: `{}`. Result: `{"tools": [Tool, ...]}` in the server's order.
    ListTools,
    /// `tools/list`, one page. Parameters: `{"cursor"?: string}`. Result: `{"tools": [...], "nextCursor"?: string}`.
    ListToolsPage,
    /// `tools/call`. Parameters: `{"name": string, "arguments"?: object}`. Result: a `CallToolResult` (an `isError`
    /// result is a result, not a failure).
    CallTool,
    /// `ping` where the revision has it, `server/discover` where it has not: does the server answer? Parameters:
    /// `{}`. Result: `{}`.
    Ping,
}

/// How an operation is run.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    /// The longest silence: the operation fails with `Timeout` when neither the answer nor progress has come for this
    /// long. Default: the client's `timeoutMs`.
    pub timeout: Option<Duration>,
    /// The longest it may take in all, progress or not. Default: the client's `maxTimeoutMs`.
    pub max_timeout: Option<Duration>,
    /// Whether [`EventKind::Progress`](crate::EventKind::Progress) events are wanted.
    pub progress: bool,
}

/// A client of one MCP server. Clones are the same client; the connection ends when the last is dropped, or at
/// [`close`](Self::close).
#[derive(Clone, Debug)]
pub struct Client {
    _p: (),
}

impl Client {
    /// Starts connecting, as `config` says, and returns at once. The operation `id` settles in `queue`: it completes
    /// with
    /// `{"protocolVersion": string, "serverInfo": {...}, "capabilities": {...}, "instructions"?: string}` when the
    /// revision is negotiated, or fails. Operations may be submitted right away; they wait for it.
    ///
    /// `config` is a JSON object with one of
    ///
    /// * `"command"`: string, with `"args"?`: strings, `"env"?`: object of strings added to this process's,
    ///   `"cwd"?`: string, `"stderr"?`: `"inherit"` (default) or `"null"`: a child process over stdio;
    /// * `"url"`: string, with `"headers"?`: object of strings: Streamable HTTP;
    ///
    /// and optionally `"clientInfo"`: `{"name", "version", ...}`; `"protocolVersion"`: one revision, instead of
    /// negotiating; `"timeoutMs"` (default 60000), `"maxTimeoutMs"` (default 3600000), `"connectTimeoutMs"`
    /// (default 30000), `"maxMessageBytes"` (default 16777216). Unknown keys are refused.
    pub fn open(config: &str, id: u64, queue: &Arc<Queue>) -> Result<Self, Error> {
        let _ = (config, id, queue);
        todo!()
    }

    /// Like [`open`](Self::open), connected in memory to a server of this process; `config` has neither `"command"`
    /// nor `"url"`.
    pub fn open_in_memory(server: &Server, config: &str, id: u64, queue: &Arc<Queue>) -> Result<Self, Error> {
        let _ = (server, config, id, queue);
        todo!()
    }

    /// Starts an operation under `id`, which the binding chose and which no other outstanding operation of `queue`
    /// has. It settles in `queue` with exactly one `Completed` or `Failed` event, after any `Progress` events; errors
    /// in the parameters come that way too.
    pub fn submit(&self, operation: Operation, params: &[u8], options: CallOptions, id: u64, queue: &Arc<Queue>) {
        let _ = (operation, params, options, id, queue);
        todo!()
    }

    /// Abandons an operation: it settles with `Cancelled` at once and the server is told. False when it has already
    /// settled (its event may still be in the queue).
    pub fn cancel(&self, id: u64, queue: &Arc<Queue>) -> bool {
        let _ = (id, queue);
        todo!()
    }

    /// Ends the connection: outstanding operations fail with `Closed`, a child process is asked to exit, then made
    /// to. The operation `id` completes with `{}` when everything is released. Closing again is fine.
    pub fn close(&self, id: u64, queue: &Arc<Queue>) {
        let _ = (id, queue);
        todo!()
    }

    /// The largest stretch of operations that may be outstanding at once; more fail with `Overloaded`.
    pub const MAX_OUTSTANDING: usize = 64 * 1024;

    #[doc(hidden)]
    pub fn _unused(_: Bytes) {}
}
