use std::future::{Future, IntoFuture};
use std::mem;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use oxmcp::Method;
use oxmcp::RawJson;
use oxmcp::client::{Call, Connect, Target};
use oxmcp::model::Implementation;
use serde::Serialize;
use tokio::sync::watch;

use crate::asker::Asker;
use crate::auth::{SecretText, Shaped};
use crate::config::{self, ClientConfig};
use crate::operations::{Duty, Operation as Outstanding, Operations, Ticket, Work};
use crate::process::Local;
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
#[derive(Clone)]
pub struct Client {
    shared: Local<Arc<Shared>>,
}

struct Shared {
    state: Mutex<State>,
    operations: Arc<Operations>,
    /// Turns true when the client is to end. The task that keeps the connection holds a receiver for as long as there is anything to
    /// release.
    ending: watch::Sender<bool>,
}

enum State {
    /// What is submitted before the connection is there waits.
    Opening {
        open: Ticket,
        waiting: Vec<Waiting>,
    },
    Open(oxmcp::Client),
    /// It failed to open, or was closed.
    Over(Error),
}

/// An operation that waits for the connection.
enum Waiting {
    Submitted { operation: Operation, params: RawJson, options: CallOptions, ticket: Ticket },
    Closed(Ticket),
}

impl Client {
    /// The number of operations that may be outstanding at once; more fail with `Overloaded`.
    pub const MAX_OUTSTANDING: usize = 64 * 1024;

    /// How long a token store of the binding's own has to read or write. Past it, that has failed.
    pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

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
    /// * `"url"`: string, with `"headers"?`: object of strings: Streamable HTTP; also `"bearerToken"?`: string, a token that was given for
    ///   this server, or `"authorization"?`: object, how to get tokens when the server wants them;
    ///
    /// and optionally `"clientInfo"`: `{"name", "version", ...}`; `"protocolVersion"`: one revision, instead of
    /// negotiating; `"timeoutMs"` (default 60000), `"maxTimeoutMs"` (default 3600000), `"connectTimeoutMs"`
    /// (default 30000), `"maxMessageBytes"` (default 16777216). Unknown keys are refused.
    ///
    /// # Authorization
    ///
    /// `"authorization"` has one of
    ///
    /// * `"code"`: the user authorizes the client: `{"name": string` (what servers call the client before users)`, "registered"?:
    ///   [Credentials]` (the client as servers know it already)`, "metadataUrl"?: string` (where a document about the client is)`}`, and,
    ///   if the system's browser is not to be opened and to come back to any free port of this machine, either `"browser": {"port"?:
    ///   number, "ask"?: bool}` (the one port to come back to; whether the binding opens it) or `"redirectUri": string` (the binding takes
    ///   users to the server, who come back there);
    /// * `"clientCredentials"`: the client speaks for itself: Credentials;
    /// * `"enterprise"`: an organisation's identity provider vouches for its user, by an ID token that the binding is asked for:
    ///   `{"client": Credentials, "tokenEndpoint": string, "identityProviderClient"?: Credentials, "saml"?: bool}`;
    /// * `"workload"`: a platform vouches for the program, by a JWT that the binding is asked for: `{"client": Credentials}`;
    ///
    /// and optionally `"scopes"`: strings, asked for beside those that the server needs; `"dpop"`: bool, whether tokens are bound to a key
    /// (default: if the server asks for it); `"patienceMs"`: how long the user has (default 300000), which is beyond the limits of
    /// connecting and calls; `"trust"`: URLs of servers that may be asked although they are in a private network; `"store"`: where
    /// tokens are kept: `{"file": string}`, or `{"ask": true, "timeoutMs"?: number}`, a store of the binding's own, which has
    /// [`ANSWER_TIMEOUT`](Self::ANSWER_TIMEOUT) to read and to write if it does not say otherwise (default: in memory, for this client);
    /// `"account"`: for whom, where clients of several users share a store.
    ///
    /// Credentials are `{"clientId": string, "clientSecret"?: string, "tokenEndpointAuthMethod"?: "client_secret_basic" |
    /// "client_secret_post" | "client_secret_jwt", "privateKey"?: {"pem": string, "algorithm": string, "keyId"?: string}, "issuer"?:
    /// string}`. A secret is used as the server says to take it, if the method is not given. Credentials are shown to their issuer alone;
    /// without one, to the first authorization server that they were shown to.
    ///
    /// What the binding is asked comes as [`EventKind::Question`](crate::EventKind::Question) out of `queue`, with `id` as its target. When
    /// the client is closed nobody waits for users, ID tokens and assertions any more; but tokens that are about to be kept still are,
    /// and closing waits for that.
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
        Self::start(target, config, id, queue)
    }

    /// Like [`open`](Self::open), connected in memory to a server of this process; `config` has neither `"command"`
    /// nor `"url"`.
    pub fn open_in_memory(server: &Server, config: &str, id: u64, queue: &Arc<Queue>) -> Result<Self, Error> {
        let config: ClientConfig = config::parse(config)?;
        if config.command.is_some() || config.url.is_some() {
            let message = "a client of a server in this process takes neither `command` nor `url`";
            return Err(Error::new(ErrorKind::Misuse, message));
        }
        Self::start(server.open_in_memory()?, config, id, queue)
    }

    fn start(target: Target, config: ClientConfig, id: u64, queue: &Arc<Queue>) -> Result<Self, Error> {
        let runtime = runtime()?;
        let ending = watch::Sender::new(false);
        let mut connect = oxmcp::Client::connect(target).limits(config.limits());
        for (name, value) in &config.headers {
            connect = connect.header(name, value);
        }
        connect = match (config.bearer_token, config.authorization) {
            (None, None) => connect,
            (Some(_), Some(_)) => {
                let message = "a client has either `bearerToken` or `authorization`, not both";
                return Err(Error::new(ErrorKind::Misuse, message));
            }
            _ if config.url.is_none() => {
                let message = "`bearerToken` and `authorization` are for a `url`";
                return Err(Error::new(ErrorKind::Misuse, message));
            }
            (Some(SecretText(token)), None) => connect.bearer_token(token),
            (None, Some(Shaped(plan))) => {
                connect.authorization(plan.authorization(|| Asker::new(queue, id, &ending))?)
            }
        };
        if let Some(info) = config.client_info {
            connect = connect.client_info(info);
        }
        if let Some(version) = config.protocol_version {
            connect = connect.only(version);
        }
        let operations = Arc::new(Operations::default());
        let refused = || Error::new(ErrorKind::Internal, "an empty table of operations took no operation");
        let open = Outstanding::new(id, queue);
        let open = operations.begin(open, Self::MAX_OUTSTANDING).ok_or_else(refused)?;
        let (end, given_up) = (ending.subscribe(), ending.subscribe());
        let connect = connect.give_up_when(ended(given_up));
        let state = Mutex::new(State::Opening { open, waiting: Vec::new() });
        let shared = Arc::new(Shared { state, operations, ending });
        runtime.spawn(keep(connect, Arc::downgrade(&shared), shared.operations.clone(), end));
        Ok(Self { shared: Local::new(shared) })
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
        let shared = match self.shared.get() {
            Ok(shared) => shared,
            Err(error) => return outstanding.fail(&error),
        };
        let operations = &shared.operations;
        let Some(ticket) = operations.begin(outstanding, Self::MAX_OUTSTANDING) else { return };
        let client = match &mut *shared.state() {
            State::Opening { waiting, .. } => {
                line_up(waiting, Waiting::Submitted { operation, params, options, ticket }, operations);
                return;
            }
            State::Open(client) => Ok(client.clone()),
            State::Over(error) => Err(error.clone()),
        };
        match client {
            Ok(client) => shared.run(&client, operation, params, &options, ticket),
            Err(error) => operations.settle(ticket, Err(error)),
        }
    }

    /// Abandons an operation: it settles with `Cancelled` at once and the server is told. False when it has already
    /// settled (its event may still be in the queue). Cancelling the opening ends the client; what was started for it is released in the
    /// background, and [`close`](Self::close) tells when.
    pub fn cancel(&self, id: u64, queue: &Arc<Queue>) -> bool {
        let Some(shared) = self.shared.here() else { return false };
        let outstanding = Outstanding::new(id, queue);
        let error = Error::new(ErrorKind::Cancelled, "the operation was cancelled by this side");
        let is_opening =
            |state: &State| matches!(state, State::Opening { open, .. } if open.is_of(&outstanding));
        shared.end(is_opening, error.clone()) || shared.operations.stop(&outstanding, &error)
    }

    /// The operation `id` completes with `{}` when the connection is over and released, whichever side ended it, and also when it
    /// never came to be.
    pub fn closed(&self, id: u64, queue: &Arc<Queue>) {
        let outstanding = Outstanding::new(id, queue);
        let shared = match self.shared.get() {
            Ok(shared) => shared,
            Err(error) => return outstanding.fail(&error),
        };
        let operations = &shared.operations;
        let Some(ticket) = operations.begin(outstanding, Self::MAX_OUTSTANDING) else { return };
        let client = match &mut *shared.state() {
            State::Opening { waiting, .. } => {
                line_up(waiting, Waiting::Closed(ticket), operations);
                return;
            }
            State::Open(client) => Some(client.clone()),
            State::Over(_) => None,
        };
        shared.watch_end(client.as_ref(), ticket);
    }

    /// Ends the connection: outstanding operations fail with `Closed`, a child process is asked to exit, then made
    /// to. The operation `id` completes with `{}` when everything is released, however often and in whatever state the client is closed.
    pub fn close(&self, id: u64, queue: &Arc<Queue>) {
        let outstanding = Outstanding::new(id, queue);
        let (shared, runtime) = match self.shared.get().and_then(|shared| Ok((shared, runtime()?))) {
            Ok(here) => here,
            Err(error) => return outstanding.fail(&error),
        };
        shared.end(|_| true, closed_here());
        let released = shared.released();
        runtime.spawn(async move {
            released.await;
            outstanding.complete(EMPTY);
        });
    }
}

/// Makes a client's connection, and ends it when the client ends.
async fn keep(
    connect: Connect,
    client: Weak<Shared>,
    operations: Arc<Operations>,
    ending: watch::Receiver<bool>,
) {
    let connected = match AssertUnwindSafe(connect.into_future()).catch_unwind().await {
        Ok(connected) => connected.map_err(Error::from),
        Err(_) => Err(Error::new(
            ErrorKind::Internal,
            "oxmcp panicked while it connected; this is a fault of oxmcp",
        )),
    };
    if let Some(client) = client.upgrade() {
        client.opened(connected.clone());
    }
    let released = ending.clone();
    if let Ok(connection) = connected {
        ended(ending).await;
        // It returns when everything is released; there is nothing that could fail.
        let _ = connection.close().await;
    }
    operations.end(&closed_here());
    drop(released);
}

/// Waits until a client is to end.
async fn ended(mut ending: watch::Receiver<bool>) {
    // An error means that the client is gone, which comes to the same.
    let _ = ending.wait_for(|ending| *ending).await;
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

/// Has an operation wait for the connection. What was cancelled while it waited is forgotten before there is more of it than of what
/// still waits.
fn line_up(waiting: &mut Vec<Waiting>, next: Waiting, operations: &Operations) {
    if waiting.len() >= 2 * Client::MAX_OUTSTANDING {
        waiting.retain(|waiting| match waiting {
            Waiting::Submitted { ticket, .. } | Waiting::Closed(ticket) => operations.has(*ticket),
        });
    }
    waiting.push(next);
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection is there, or will never be.
    fn opened(&self, connected: Result<oxmcp::Client, Error>) {
        let next = match &connected {
            Ok(client) => State::Open(client.clone()),
            Err(error) => State::Over(error.clone()),
        };
        let mut state = self.state();
        if !matches!(*state, State::Opening { .. }) {
            return;
        }
        let State::Opening { open, waiting } = mem::replace(&mut *state, next) else { return };
        drop(state);
        self.operations.settle(open, connected.as_ref().map(connection_info).map_err(Error::clone));
        for waiting in waiting {
            match (waiting, &connected) {
                (Waiting::Submitted { operation, params, options, ticket }, Ok(client)) => {
                    // It may have been cancelled meanwhile.
                    if self.operations.has(ticket) {
                        self.run(client, operation, params, &options, ticket);
                    }
                }
                (Waiting::Submitted { ticket, .. }, Err(error)) => {
                    self.operations.settle(ticket, Err(error.clone()));
                }
                (Waiting::Closed(ticket), connected) => self.watch_end(connected.as_ref().ok(), ticket),
            }
        }
    }

    /// Ends the client, if it is not over and `condition` holds; says whether it did. Nothing more is started then. The opening fails
    /// with `error` if it has not settled, what waited for the connection with `Closed`, what is in flight when the connection is closed.
    fn end(&self, condition: impl FnOnce(&State) -> bool, error: Error) -> bool {
        let was = {
            let mut state = self.state();
            if matches!(*state, State::Over(_)) || !condition(&state) {
                return false;
            }
            mem::replace(&mut *state, State::Over(closed_here()))
        };
        self.ending.send_replace(true);
        if let State::Opening { open, waiting } = was {
            self.operations.settle(open, Err(error));
            for waiting in waiting {
                match waiting {
                    Waiting::Submitted { ticket, .. } => self.operations.settle(ticket, Err(closed_here())),
                    Waiting::Closed(ticket) => self.watch_end(None, ticket),
                }
            }
        }
        true
    }

    /// Waits until everything is released.
    fn released(&self) -> impl Future<Output = ()> + Send + 'static {
        let ending = self.ending.clone();
        async move { ending.closed().await }
    }

    fn run(
        &self,
        client: &oxmcp::Client,
        operation: Operation,
        params: RawJson,
        options: &CallOptions,
        ticket: Ticket,
    ) {
        let method = match operation {
            Operation::ListTools | Operation::ListToolsPage => Method::ListTools,
            Operation::CallTool => Method::CallTool,
            Operation::Ping => Method::Ping,
        };
        let call = self.prepare(method, params, options, ticket);
        let duty = Duty::new(&self.operations, ticket);
        if operation == Operation::ListTools {
            let client = client.clone();
            return self.spawn(ticket, async move {
                let outcome = client.list_all(call).await;
                duty.settle(outcome.map(RawJson::into_bytes).map_err(Error::from));
            });
        }
        let started = client.start(call, move |outcome| {
            let result = |json: RawJson| if method == Method::Ping { EMPTY } else { json.into_bytes() };
            duty.settle(outcome.map(result).map_err(Error::from));
        });
        self.operations.attach(ticket, Work::Call(started));
    }

    /// The call that an operation comes to.
    fn prepare(&self, method: Method, params: RawJson, options: &CallOptions, ticket: Ticket) -> Call {
        let mut call = Call::new(method, params);
        if let Some(timeout) = options.timeout {
            call = call.timeout(timeout);
        }
        if let Some(max_timeout) = options.max_timeout {
            call = call.max_timeout(max_timeout);
        }
        if options.progress {
            let operations = self.operations.clone();
            call = call.on_progress(move |progress| {
                if let Ok(json) = serde_json::to_vec(&progress) {
                    operations.progress(ticket, json.into());
                }
            });
        }
        call
    }

    /// Runs an operation in a task, which settles it.
    fn spawn(&self, ticket: Ticket, work: impl Future<Output = ()> + Send + 'static) {
        match runtime() {
            Ok(runtime) => {
                self.operations.attach(ticket, Work::Task(runtime.spawn(work).abort_handle()));
            }
            Err(error) => self.operations.settle(ticket, Err(error)),
        }
    }

    /// Completes an operation when the connection is over, or everything of one that never came to be is released.
    fn watch_end(&self, client: Option<&oxmcp::Client>, ticket: Ticket) {
        let over = match client {
            Some(client) => client.closed().left_future(),
            None => self.released().right_future(),
        };
        let duty = Duty::new(&self.operations, ticket);
        match runtime() {
            Ok(runtime) => {
                let task = runtime.spawn(async move {
                    over.await;
                    duty.settle(Ok(EMPTY));
                });
                self.operations.attach(ticket, Work::Watch(task.abort_handle()));
            }
            Err(error) => duty.settle(Err(error)),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.end(|_| true, closed_here());
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match self.shared.here().map(|shared| shared.state()).as_deref() {
            Some(State::Opening { .. }) => "opening",
            Some(State::Open(_)) => "open",
            Some(State::Over(_)) => "over",
            None => "of a parent process",
        };
        f.debug_struct("Client").field("state", &state).finish_non_exhaustive()
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
