use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use oxmcp::client::Target;
use oxmcp::model::Tool;
use oxmcp::server::{Context, ToolBuilder, ToolError, ToolOutput};
use oxmcp::transport::HttpServer;
use oxmcp::{ErrorObject, RawJson};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::asker::Asker;
use crate::auth;
use crate::calls::{CLOSED, CallHandler, Calls};
use crate::config::{self, ListenConfig, ServerConfig};
use crate::operations::Operation as Outstanding;
use crate::process::Local;
use crate::runtime::runtime;
use crate::{Error, ErrorKind, Queue};

/// A binding's answer to a tool call.
#[derive(Clone, Debug)]
pub enum CallOutcome {
    /// A `CallToolResult` object as JSON: `{"content": [...], "structuredContent"?: ..., "isError"?: bool, "_meta"?}`.
    /// Anything else is answered to the peer as an internal error, and so is a `structuredContent` that does not meet the tool's `outputSchema`.
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

/// What a tool has beside its definition.
#[derive(Clone, Debug, Default)]
pub struct ToolOptions {
    /// What the access token of a call has to be good for, beside what every request needs. It counts where the server is protected.
    pub scopes: Vec<String>,
}

/// A server whose tools live in the binding's language. Clones are the same server; it is closed when the last is dropped, or
/// at [`close`](Self::close).
#[derive(Clone)]
pub struct Server {
    shared: Local<Arc<Shared>>,
}

struct Shared {
    core: oxmcp::Server,
    calls: Arc<Calls>,
    listening: Mutex<Vec<HttpServer>>,
    /// Turns true when the server is closed. Whatever serves holds a receiver until it has released everything.
    closed: watch::Sender<bool>,
}

impl Server {
    /// The number of tool calls that may be with the binding at once; past it, calls are answered with an error.
    pub const MAX_CALLS: usize = Calls::MAX;

    /// The bytes of arguments and `_meta` of the tool calls that may be with the binding at once; past it, calls are answered with an
    /// error. A call that comes when no other is there may have more, up to the size of a message.
    pub const MAX_CALL_BYTES: usize = Calls::MAX_BYTES;

    /// Makes a server. `config` is a JSON object: `"name"`: string, `"version"`: string, `"title"?`,
    /// `"description"?`, `"websiteUrl"?`, `"icons"?`, `"instructions"?`: string, `"pageSize"?`: tools per
    /// `tools/list` page (default 100), `"maxMessageBytes"?` (default 16777216). Unknown keys are refused. Tool calls come out of
    /// `calls`.
    pub fn new(config: &str, calls: &Arc<Queue>) -> Result<Self, Error> {
        let config: ServerConfig = config::parse(config)?;
        if config.is_nameless() {
            return Err(Error::new(ErrorKind::Misuse, "a server needs a name"));
        }
        let shared = Shared {
            core: config.server(),
            calls: Calls::new(calls),
            listening: Mutex::default(),
            closed: watch::Sender::new(false),
        };
        Ok(Self { shared: Local::new(Arc::new(shared)) })
    }

    /// A stream in memory to this server, which ends when the server is closed. `Misuse` when it is closed.
    pub(crate) fn open_in_memory(&self) -> Result<Target, Error> {
        let shared = self.shared.get()?;
        let mut closed = shared.closed.subscribe();
        if *closed.borrow() {
            return Err(Error::new(ErrorKind::Misuse, "the server is closed"));
        }
        let (ours, theirs) = tokio::io::duplex(MEMORY_BUFFER);
        let core = shared.core.clone();
        runtime()?.spawn(async move {
            let (reader, writer) = tokio::io::split(theirs);
            tokio::select! {
                // The stream's end is all there is to say.
                _ = core.serve(reader, writer) => {}
                _ = closed.wait_for(|closed| *closed) => {}
            }
        });
        Ok(Target::from(tokio::io::split(ours)))
    }

    /// Adds a tool, or replaces the one of that name. `definition` is the spec's `Tool` object: `"name"`,
    /// `"inputSchema"` (a JSON Schema of type object; when left out, any object is taken) and optionally `"title"`,
    /// `"description"`, `"outputSchema"`, `"annotations"`, `"icons"`, `"_meta"`. Its calls carry `target`.
    pub fn add_tool(&self, definition: &str, target: u64) -> Result<(), Error> {
        self.add_tool_with(definition, ToolOptions::default(), target)
    }

    /// The same with what a definition does not say.
    pub fn add_tool_with(&self, definition: &str, options: ToolOptions, target: u64) -> Result<(), Error> {
        let shared = self.shared.get()?;
        let misuse = |what: String| {
            Error::new(ErrorKind::Misuse, format!("the tool's definition cannot be used: {what}"))
        };
        let unreadable = |error: serde_json::Error| misuse(config::words(&error));
        // The members stay as they were written: a model reads the parameters in the order of the schema.
        let mut definition: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(definition).map_err(unreadable)?;
        if !definition.contains_key("inputSchema") {
            let any = serde_json::value::to_raw_value(&json!({"type": "object"})).map_err(unreadable)?;
            definition.insert("inputSchema".to_owned(), any);
        }
        let definition = serde_json::to_string(&definition).map_err(unreadable)?;
        let tool: Tool = serde_json::from_str(&definition).map_err(unreadable)?;
        let handler = CallHandler::new(&shared.calls, target);
        let added = match options.scopes.is_empty() {
            true => shared.core.add_tool(tool, handler),
            false => shared.core.add(ToolBuilder::new(tool, handler).scopes(options.scopes)),
        };
        added.map_err(Error::from)
    }

    /// Removes a tool; false when there is none of that name.
    pub fn remove_tool(&self, name: &str) -> bool {
        self.shared.here().is_some_and(|shared| shared.core.remove_tool(name))
    }

    /// Serves this process's stdin and stdout. The operation `id` completes with `{}` when the peer has closed or the
    /// server was closed. From the moment this returns until then, what the process itself prints to stdout goes to stderr.
    pub fn serve_stdio(&self, id: u64, queue: &Arc<Queue>) {
        let outstanding = Outstanding::new(id, queue);
        let (shared, runtime) = match self.here() {
            Ok(here) => here,
            Err(error) => return outstanding.fail(&error),
        };
        let serving = {
            let _inside = runtime.enter();
            shared.core.serve_stdio()
        };
        shared.spawn(runtime, outstanding, Ok(EMPTY), async move {
            serving.await.map(|()| EMPTY).map_err(Error::from)
        });
    }

    /// Serves Streamable HTTP until the server is closed. The operation `id` completes with
    /// `{"url": string, "host": string, "port": number}` once it listens, or fails.
    ///
    /// `config` is a JSON object: `"host"?` (default `"127.0.0.1"`), `"port"?` (default 0: any free one), `"path"?`
    /// (default `"/mcp"`), `"allowedHosts"?` and `"allowedOrigins"?`: strings accepted in `Host` and `Origin` beside
    /// the loopback names. A `host` that is not a loopback address is refused unless `"allowedHosts"` is given.
    ///
    /// `"protection"?` says who may use the server (default: everybody who gets to it):
    ///
    /// * `"resource"`: the URL by which clients know the server; `"authorizationServers"`: whose tokens it takes, one at least;
    /// * one of `"jwt"`: `{"issuer"?, "jwksUrl"?: string, "algorithms"?, "audiences"?: strings}`: tokens are JWTs, signed with the issuer's
    ///   keys; `"introspection"`: `{"client": Credentials, "issuer"?, "url"?: string, "audiences"?: strings, "atOnce"?: number}`: the issuer is asked each
    ///   time, as that client (Credentials are those of [`Client::open`](crate::Client::open)); `"verify": true`: the binding is asked, by an
    ///   [`EventKind::Question`](crate::EventKind::Question) out of `queue` with `id` as its target. It has 15 seconds; it has to refuse
    ///   tokens that were issued for another `resource` or have expired. The issuer is the first authorization server, unless another is
    ///   named; `"audiences"` are names of this server in tokens beside `"resource"`;
    /// * optionally `"scopes"`: what every request needs, `"scopesSupported"`: what clients may ask for, `"name"`, `"documentation"`: string,
    ///   for people, `"requireDpop"`: bool, whether only tokens that are bound to a key are taken, `"requireDpopNonce"`: bool, whether
    ///   proofs have to hold a nonce of this server, or `"dpopNonceKey"`: string, of several servers that take each other's, and
    ///   `"implies"`: object of strings, scopes that open what others do.
    pub fn listen_http(&self, config: &str, id: u64, queue: &Arc<Queue>) {
        let outstanding = Outstanding::new(id, queue);
        let (here, runtime) = match self.here() {
            Ok(here) => here,
            Err(error) => return outstanding.fail(&error),
        };
        let options = config::parse::<ListenConfig>(config)
            .and_then(|config| config.options(|| Asker::new(queue, id, &here.closed)));
        let options = match options {
            Ok(options) => options,
            Err(error) => return outstanding.fail(&error),
        };
        let shared = Arc::downgrade(here);
        let core = here.core.clone();
        here.spawn(runtime, outstanding, Err(closed_early()), async move {
            let listening = core.listen(options).await?;
            let address = listening.local_addr();
            let told =
                json!({"url": listening.url(), "host": address.ip().to_string(), "port": address.port()});
            // Dropping it ends it.
            let Some(shared) = shared.upgrade() else { return Err(closed_early()) };
            let mut open = shared.listening();
            if *shared.closed.borrow() {
                return Err(closed_early());
            }
            open.push(listening);
            Ok(told.to_string().into())
        });
    }

    /// Answers a tool call. False when nobody waits for it any more.
    pub fn respond(&self, call: u64, outcome: CallOutcome) -> bool {
        self.shared.here().is_some_and(|shared| shared.calls.respond(call, into_result(outcome)))
    }

    /// Reports progress of a tool call (it must grow). False when the peer did not ask for it or no longer waits.
    pub fn progress(&self, call: u64, progress: f64, total: Option<f64>, message: Option<&str>) -> bool {
        self.context(call).is_some_and(|context| context.progress(progress, total, message))
    }

    /// What is known of a call in flight, as JSON: `{"requestId": string|number, "protocolVersion": string,
    /// "clientInfo"?: {...}, "progress": bool, "_meta"?: {...}, "auth"?: {...}}`. None when it has settled.
    ///
    /// `auth` says who makes the call, of a protected server: `{"subject"?, "clientId"?, "issuer"?: string, "scopes": strings, "expiresAt"?:
    /// number` (seconds since 1970)`, "claims": {...}` (everything that is said with the token)`}`.
    pub fn call_context(&self, call: u64) -> Option<Bytes> {
        self.context(call).map(|context| describe(&context))
    }

    /// Stops listening and serving; calls in flight are cancelled, and their callers get an error. The operation `id` completes with `{}` when everything is
    /// released. Closing again is fine.
    pub fn close(&self, id: u64, queue: &Arc<Queue>) {
        let outstanding = Outstanding::new(id, queue);
        let (shared, runtime) = match self.here() {
            Ok(here) => here,
            Err(error) => return outstanding.fail(&error),
        };
        shared.end();
        let listening = mem::take(&mut *shared.listening());
        let closed = shared.closed.clone();
        let held = closed.subscribe();
        runtime.spawn(async move {
            for server in listening {
                server.close().await;
            }
            drop(held);
            closed.closed().await;
            outstanding.complete(EMPTY);
        });
    }

    /// What is needed to run something, unless this is a forked child.
    fn here(&self) -> Result<(&Arc<Shared>, &'static Handle), Error> {
        Ok((self.shared.get()?, runtime()?))
    }

    fn context(&self, call: u64) -> Option<Context> {
        self.shared.here()?.calls.context(call)
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "oxmcp panicked while it served; this is a fault of oxmcp")
}

fn closed_early() -> Error {
    Error::new(ErrorKind::Closed, "the server was closed before it listened")
}

/// The buffer between a client and a server in memory, each way.
const MEMORY_BUFFER: usize = 256 * 1024;

const EMPTY: Bytes = Bytes::from_static(b"{}");

impl Shared {
    /// Runs an operation until it is done, or until the server is closed, which makes it end with `when_closed`.
    fn spawn(
        &self,
        runtime: &Handle,
        outstanding: Outstanding,
        when_closed: Result<Bytes, Error>,
        work: impl Future<Output = Result<Bytes, Error>> + Send + 'static,
    ) {
        let mut closed = self.closed.subscribe();
        if *closed.borrow() {
            return outstanding.fail(&Error::new(ErrorKind::Misuse, "the server is closed"));
        }
        runtime.spawn(async move {
            // Its end is the work's too, so that what the work held is released before anybody is told.
            let outcome = tokio::select! {
                outcome = AssertUnwindSafe(work).catch_unwind() => outcome.unwrap_or_else(|_| Err(panicked())),
                _ = closed.wait_for(|closed| *closed) => when_closed,
            };
            drop(closed);
            outstanding.settle(outcome);
        });
    }

    fn end(&self) {
        self.closed.send_replace(true);
        self.calls.end(CLOSED);
    }

    fn listening(&self) -> MutexGuard<'_, Vec<HttpServer>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("core", &self.shared.here().map(|shared| &shared.core))
            .finish_non_exhaustive()
    }
}

fn into_result(outcome: CallOutcome) -> Result<ToolOutput, ToolError> {
    match outcome {
        CallOutcome::Text(text) => Ok(ToolOutput::Text(text)),
        CallOutcome::ToolError(message) => Err(ToolError::Failed(message)),
        CallOutcome::Result(json) => match RawJson::parse(json) {
            Ok(json) => Ok(ToolOutput::Json(json)),
            Err(error) => {
                Err(ToolError::Rpc(ErrorObject::internal(format!("the tool's result is not JSON: {error}"))))
            }
        },
        CallOutcome::Error { code, message, data } => {
            let error = ErrorObject::new(code, message);
            Err(ToolError::Rpc(match data.and_then(|data| RawJson::parse(data).ok()) {
                Some(data) => error.with_data(data),
                None => error,
            }))
        }
    }
}

fn describe(context: &Context) -> Bytes {
    let mut described = json!({
        "requestId": context.request_id(),
        "protocolVersion": context.protocol_version(),
        "progress": context.wants_progress(),
    });
    if let Some(info) = context.client_info_json() {
        described["clientInfo"] = info.to().unwrap_or_default();
    }
    if let Some(meta) = context.meta() {
        described["_meta"] = meta.to().unwrap_or_default();
    }
    if let Some(auth) = context.auth() {
        described["auth"] = auth::describe(auth);
    }
    described.to_string().into()
}
