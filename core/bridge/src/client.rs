use std::future::Future;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use oxmcp::Method;
use oxmcp::RawJson;
use oxmcp::client::{Call, Target};
use oxmcp::model::Implementation;
use serde::Serialize;
use tokio::task::AbortHandle;

use crate::config::{self, ClientConfig};
use crate::operations::{Operation as Outstanding, Operations, Work};
use crate::runtime::runtime;
use crate::{Error, ErrorKind, Queue, Server};

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
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    operations: Arc<Operations>,
}

enum State {
    /// Being opened by a task; what was submitted meanwhile waits.
    Opening {
        open: Outstanding,
        task: Option<AbortHandle>,
        waiting: Vec<Waiting>,
    },
    Open(oxmcp::Client),
    /// It failed to open, or was closed.
    Over(Error),
}

/// An operation that waits for the connection.
enum Waiting {
    Submitted { operation: Operation, params: RawJson, options: CallOptions, outstanding: Outstanding },
    Closed(Outstanding),
}

impl Client {
    /// The number of operations that may be outstanding at once; more fail with `Overloaded`.
    pub const MAX_OUTSTANDING: usize = 64 * 1024;

    /// Starts connecting, as `config` says, and returns at once. The operation `id` settles in `queue`: it completes
    /// with
    /// `{"protocolVersion": string, "serverInfo": {...}, "capabilities": {...}, "instructions"?: string}` when the
    /// revision is negotiated, or fails. Operations may be submitted right away; they wait for it. It can be cancelled
    /// like any operation.
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
        let config: ClientConfig = config::parse(config)?;
        let target = match (&config.command, &config.url) {
            (Some(program), None) => Target::Command(config.command(program)),
            (None, Some(url)) => Target::Url(url.clone()),
            _ => {
                return Err(Error::new(
                    ErrorKind::Misuse,
                    "the configuration needs either `command` or `url`",
                ));
            }
        };
        Self::start(target, config, Outstanding::new(id, queue))
    }

    /// Like [`open`](Self::open), connected in memory to a server of this process; `config` has neither `"command"`
    /// nor `"url"`.
    pub fn open_in_memory(server: &Server, config: &str, id: u64, queue: &Arc<Queue>) -> Result<Self, Error> {
        let config: ClientConfig = config::parse(config)?;
        if config.command.is_some() || config.url.is_some() {
            let message = "a client of a server in this process takes neither `command` nor `url`";
            return Err(Error::new(ErrorKind::Misuse, message));
        }
        Self::start(server.open_in_memory()?, config, Outstanding::new(id, queue))
    }

    fn start(target: Target, config: ClientConfig, open: Outstanding) -> Result<Self, Error> {
        let runtime = runtime()?;
        let mut connect = oxmcp::Client::connect(target).limits(config.limits());
        for (name, value) in &config.headers {
            connect = connect.header(name, value);
        }
        if let Some(info) = config.client_info {
            connect = connect.client_info(info);
        }
        if let Some(version) = config.protocol_version {
            connect = connect.only(version);
        }
        let operations = Arc::new(Operations::default());
        operations.begin(&open, Self::MAX_OUTSTANDING);
        let state = State::Opening { open, task: None, waiting: Vec::new() };
        let shared = Arc::new(Shared { state: Mutex::new(state), operations });
        // The task holds no client, so that dropping the last one ends the attempt.
        let weak = Arc::downgrade(&shared);
        let task = runtime.spawn(async move {
            let connected = connect.await;
            if let Some(shared) = weak.upgrade() {
                shared.opened(connected);
            }
        });
        if let State::Opening { task: slot, .. } = &mut *shared.state() {
            *slot = Some(task.abort_handle());
        }
        Ok(Self { shared })
    }

    /// Starts an operation under `id`, which the binding chose and which no other outstanding operation of `queue`
    /// has. It settles in `queue` with exactly one `Completed` or `Failed` event, after any `Progress` events; errors
    /// in the parameters come that way too.
    pub fn submit(
        &self,
        operation: Operation,
        params: &[u8],
        options: CallOptions,
        id: u64,
        queue: &Arc<Queue>,
    ) {
        let outstanding = Outstanding::new(id, queue);
        let params = match object(params) {
            Ok(params) => params,
            Err(error) => return outstanding.fail(&error),
        };
        if let Err(error) = runtime() {
            return outstanding.fail(&error);
        }
        if !self.shared.operations.begin(&outstanding, Self::MAX_OUTSTANDING) {
            return;
        }
        let client = match &mut *self.shared.state() {
            State::Opening { waiting, .. } => {
                waiting.push(Waiting::Submitted { operation, params, options, outstanding });
                return;
            }
            State::Open(client) => Ok(client.clone()),
            State::Over(error) => Err(error.clone()),
        };
        match client {
            Ok(client) => self.shared.run(&client, operation, params, &options, outstanding),
            Err(error) => self.shared.operations.settle(&outstanding, Err(error)),
        }
    }

    /// Abandons an operation: it settles with `Cancelled` at once and the server is told. False when it has already
    /// settled (its event may still be in the queue).
    pub fn cancel(&self, id: u64, queue: &Arc<Queue>) -> bool {
        let outstanding = Outstanding::new(id, queue);
        let error = Error::new(ErrorKind::Cancelled, "the operation was cancelled by this side");
        let opening = match &*self.shared.state() {
            State::Opening { open, .. } => open.id == id && Arc::ptr_eq(&open.queue, queue),
            _ => false,
        };
        if opening {
            drop(self.shared.end(error));
            return true;
        }
        self.shared.operations.stop(&outstanding, &error)
    }

    /// The operation `id` completes with `{}` when the connection is over, whichever side ended it, and also when it never
    /// came to be.
    pub fn closed(&self, id: u64, queue: &Arc<Queue>) {
        let outstanding = Outstanding::new(id, queue);
        if !self.shared.operations.begin(&outstanding, Self::MAX_OUTSTANDING) {
            return;
        }
        let client = match &mut *self.shared.state() {
            State::Opening { waiting, .. } => return waiting.push(Waiting::Closed(outstanding)),
            State::Open(client) => Some(client.clone()),
            State::Over(_) => None,
        };
        self.shared.watch_end(client.as_ref(), outstanding);
    }

    /// Ends the connection: outstanding operations fail with `Closed`, a child process is asked to exit, then made
    /// to. The operation `id` completes with `{}` when everything is released. Closing again is fine.
    pub fn close(&self, id: u64, queue: &Arc<Queue>) {
        let outstanding = Outstanding::new(id, queue);
        let client = self.shared.end(closed_here());
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => return outstanding.fail(&error),
        };
        runtime.spawn(async move {
            if let Some(client) = client {
                // It returns when everything is released; there is nothing that could fail.
                let _ = client.close().await;
            }
            outstanding.complete(EMPTY);
        });
    }
}

const EMPTY: Bytes = Bytes::from_static(b"{}");

fn closed_here() -> Error {
    Error::new(ErrorKind::Closed, "this side closed the client")
}

/// Reads the parameters of an operation.
fn object(params: &[u8]) -> Result<RawJson, Error> {
    let misuse = |what: String| Error::new(ErrorKind::Misuse, format!("the parameters are {what}"));
    let params = RawJson::parse(Bytes::copy_from_slice(params))
        .map_err(|error| misuse(format!("not JSON: {error}")))?;
    if params.is_object() { Ok(params) } else { Err(misuse("not a JSON object".to_owned())) }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection is there, or will never be.
    fn opened(&self, connected: oxmcp::Result<oxmcp::Client>) {
        let connected = connected.map_err(Error::from);
        let next = match &connected {
            Ok(client) => State::Open(client.clone()),
            Err(error) => State::Over(error.clone()),
        };
        let mut state = self.state();
        if !matches!(*state, State::Opening { .. }) {
            return;
        }
        let State::Opening { open, waiting, .. } = mem::replace(&mut *state, next) else { return };
        drop(state);
        self.operations.settle(&open, connected.clone().map(|client| connection_info(&client)));
        for waiting in waiting {
            match (waiting, &connected) {
                (Waiting::Submitted { operation, params, options, outstanding }, Ok(client)) => {
                    self.run(client, operation, params, &options, outstanding);
                }
                (Waiting::Submitted { outstanding, .. }, Err(error)) => {
                    self.operations.settle(&outstanding, Err(error.clone()));
                }
                (Waiting::Closed(outstanding), connected) => {
                    self.watch_end(connected.as_ref().ok(), outstanding)
                }
            }
        }
    }

    /// Takes the client out, so that nothing more is started. What waited for the connection fails with `error`; what is in flight
    /// fails when the client is closed.
    fn end(&self, error: Error) -> Option<oxmcp::Client> {
        let state = {
            let mut state = self.state();
            if matches!(*state, State::Over(_)) {
                return None;
            }
            mem::replace(&mut *state, State::Over(closed_here()))
        };
        match state {
            State::Open(client) => Some(client),
            State::Over(_) => None,
            State::Opening { open, task, waiting } => {
                if let Some(task) = task {
                    task.abort();
                }
                self.operations.settle(&open, Err(error));
                for waiting in waiting {
                    match waiting {
                        Waiting::Submitted { outstanding, .. } => {
                            self.operations.settle(&outstanding, Err(closed_here()))
                        }
                        Waiting::Closed(outstanding) => self.operations.settle(&outstanding, Ok(EMPTY)),
                    }
                }
                None
            }
        }
    }

    fn run(
        &self,
        client: &oxmcp::Client,
        operation: Operation,
        params: RawJson,
        options: &CallOptions,
        outstanding: Outstanding,
    ) {
        // It may have been cancelled while the connection was being made.
        if !self.operations.has(&outstanding) {
            return;
        }
        let method = match operation {
            Operation::ListTools | Operation::ListToolsPage => Method::ListTools,
            Operation::CallTool => Method::CallTool,
            Operation::Ping => Method::Ping,
        };
        let call = self.prepare(method, params, options, &outstanding);
        if operation == Operation::ListTools {
            let client = client.clone();
            return self.spawn(outstanding, async move { client.list_all(call).await });
        }
        let operations = self.operations.clone();
        let settling = outstanding.clone();
        let started = client.start(call, move |outcome| {
            let result = |json: RawJson| if method == Method::Ping { EMPTY } else { json.into_bytes() };
            operations.settle(&settling, outcome.map(result).map_err(Error::from));
        });
        self.operations.attach(&outstanding, Work::Call(started));
    }

    /// The call that an operation comes to.
    fn prepare(
        &self,
        method: Method,
        params: RawJson,
        options: &CallOptions,
        outstanding: &Outstanding,
    ) -> Call {
        let mut call = Call::new(method, params);
        if let Some(timeout) = options.timeout {
            call = call.timeout(timeout);
        }
        if let Some(max_timeout) = options.max_timeout {
            call = call.max_timeout(max_timeout);
        }
        if options.progress {
            let (operations, outstanding) = (self.operations.clone(), outstanding.clone());
            call = call.on_progress(move |progress| {
                if let Ok(json) = serde_json::to_vec(&progress) {
                    operations.progress(&outstanding, json.into());
                }
            });
        }
        call
    }

    fn spawn(
        &self,
        outstanding: Outstanding,
        work: impl Future<Output = oxmcp::Result<RawJson>> + Send + 'static,
    ) {
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => return self.operations.settle(&outstanding, Err(error)),
        };
        let operations = self.operations.clone();
        let settling = outstanding.clone();
        let task = runtime.spawn(async move {
            let outcome = work.await;
            operations.settle(&settling, outcome.map(RawJson::into_bytes).map_err(Error::from));
        });
        self.operations.attach(&outstanding, Work::Task(task.abort_handle()));
    }

    fn watch_end(&self, client: Option<&oxmcp::Client>, outstanding: Outstanding) {
        match client {
            None => self.operations.settle(&outstanding, Ok(EMPTY)),
            Some(client) => {
                let closed = client.closed();
                self.spawn(outstanding, async move {
                    closed.await;
                    Ok(RawJson::empty_object())
                });
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Some(client) = self.end(closed_here()) else { return };
        // After a fork there is no runtime, and nothing of it to release.
        if let Ok(runtime) = runtime() {
            runtime.spawn(async move { client.close().await });
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &*self.state() {
            State::Opening { .. } => "opening",
            State::Open(_) => "open",
            State::Over(_) => "over",
        };
        f.debug_struct("Shared").field("state", &state).finish_non_exhaustive()
    }
}

fn connection_info(client: &oxmcp::Client) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Info<'a> {
        protocol_version: &'a str,
        server_info: &'a Implementation,
        capabilities: &'a oxmcp::model::ServerCapabilities,
        #[serde(skip_serializing_if = "Option::is_none")]
        instructions: Option<&'a str>,
    }
    let info = Info {
        protocol_version: client.protocol_version().as_str(),
        server_info: client.server_info(),
        capabilities: client.capabilities(),
        instructions: client.instructions(),
    };
    serde_json::to_vec(&info).map_or(EMPTY, Bytes::from)
}
