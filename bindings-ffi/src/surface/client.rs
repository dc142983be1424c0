use std::sync::Arc;
use std::time::Duration;

use oxmcp_bridge::{CallOptions, Client, Error, ErrorKind, Operation, Queue};

use crate::guard::guard;
use crate::{FfiError, FfiQueue, FfiServer};

/// What [`FfiClient::submit`] can be asked to do. It crosses as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
#[repr(u8)]
pub enum FfiOperation {
    /// `tools/list`, every page. Parameters: `{}`. Result: `{"tools": [Tool, ...]}` in the server's order.
    ListTools = 1,
    /// `tools/list`, one page. Parameters: `{"cursor"?: string}`. Result: `{"tools": [...], "nextCursor"?: string}`.
    ListToolsPage = 2,
    /// `tools/call`. Parameters: `{"name": string, "arguments"?: object}`. Result: a `CallToolResult`.
    CallTool = 3,
    /// Does the server answer? Parameters: `{}`. Result: `{}`.
    Ping = 4,
}

/// A client of one MCP server. What it settles comes out of the queue it was opened with.
///
/// The ids are the caller's: no two outstanding operations of a queue may share one.
#[derive(Debug, uniffi::Object)]
pub struct FfiClient {
    client: Client,
    queue: Arc<Queue>,
}

#[uniffi::export]
impl FfiClient {
    /// Starts connecting and returns at once. The operation `id` completes with
    /// `{"protocolVersion": string, "serverInfo": {...}, "capabilities": {...}, "instructions"?: string}`, or fails.
    /// Operations may be submitted right away; they wait for it.
    ///
    /// `config` is a JSON object with `"command"` (and `"args"?`, `"env"?`, `"cwd"?`, `"stderr"?`: `"inherit"` or
    /// `"null"`) or `"url"` (and `"headers"?`); optionally `"clientInfo"`, `"protocolVersion"`, `"timeoutMs"`,
    /// `"maxTimeoutMs"`, `"connectTimeoutMs"`, `"maxMessageBytes"`. Unknown keys are refused.
    #[uniffi::constructor]
    pub fn open(config: &str, id: u64, queue: &FfiQueue) -> Result<Arc<Self>, FfiError> {
        let queue = queue.inner().clone();
        Ok(Arc::new(Self { client: Client::open(config, id, &queue)?, queue }))
    }

    /// Like [`open`](Self::open), connected in memory to a server of this process; `config` has neither `"command"`
    /// nor `"url"`.
    #[uniffi::constructor]
    pub fn open_in_memory(
        server: &FfiServer,
        config: &str,
        id: u64,
        queue: &FfiQueue,
    ) -> Result<Arc<Self>, FfiError> {
        let queue = queue.inner().clone();
        Ok(Arc::new(Self { client: Client::open_in_memory(server.inner(), config, id, &queue)?, queue }))
    }

    /// Starts the operation with the number `operation` (of [`FfiOperation`]) under `id`. It settles in the queue with
    /// exactly one `Completed` or `Failed` event, after any `Progress` events; errors in `params` come that way too.
    ///
    /// `params` is a UTF-8 JSON object, borrowed for this call. `timeout_ms` is the longest silence and
    /// `max_timeout_ms` the longest time in all; negative means the client's own. `progress` asks for `Progress`
    /// events.
    ///
    /// Fails at once, with `Misuse`, for a number that names no operation.
    pub fn submit(
        &self,
        operation: u8,
        params: &[u8],
        timeout_ms: i64,
        max_timeout_ms: i64,
        progress: bool,
        id: u64,
    ) -> Result<(), FfiError> {
        let operation = operation_numbered(operation)?;
        let options = CallOptions {
            timeout: milliseconds(timeout_ms),
            max_timeout: milliseconds(max_timeout_ms),
            progress,
        };
        self.client.submit(operation, params, options, id, &self.queue);
        Ok(())
    }

    /// Abandons an operation: it settles with `Cancelled` at once and the server is told. False when it has already
    /// settled (its event may still be in the queue).
    pub fn cancel(&self, id: u64) -> bool {
        guard(false, || self.client.cancel(id, &self.queue))
    }

    /// The operation `id` completes with `{}` when the connection is over, whichever side ended it, and also when it
    /// never came to be.
    pub fn watch_closed(&self, id: u64) -> Result<(), FfiError> {
        FfiError::attempt(|| self.client.closed(id, &self.queue))
    }

    /// Ends the connection: outstanding operations fail with `Closed`. The operation `id` completes with `{}` when
    /// everything is released. Closing again is fine.
    pub fn close_connection(&self, id: u64) -> Result<(), FfiError> {
        FfiError::attempt(|| self.client.close(id, &self.queue))
    }
}

fn operation_numbered(number: u8) -> Result<Operation, Error> {
    const LIST_TOOLS: u8 = FfiOperation::ListTools as u8;
    const LIST_TOOLS_PAGE: u8 = FfiOperation::ListToolsPage as u8;
    const CALL_TOOL: u8 = FfiOperation::CallTool as u8;
    const PING: u8 = FfiOperation::Ping as u8;
    match number {
        LIST_TOOLS => Ok(Operation::ListTools),
        LIST_TOOLS_PAGE => Ok(Operation::ListToolsPage),
        CALL_TOOL => Ok(Operation::CallTool),
        PING => Ok(Operation::Ping),
        _ => Err(Error::new(ErrorKind::Misuse, format!("there is no operation with the number {number}"))),
    }
}

fn milliseconds(count: i64) -> Option<Duration> {
    u64::try_from(count).ok().map(Duration::from_millis)
}
