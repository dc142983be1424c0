use std::borrow::Cow;
use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{MethodName, RawJson};
use oxmcp_proto::link::{CallError, CallId, CallOptions, Patience};
use oxmcp_proto::methods::{Kind, Sender};
use oxmcp_proto::model::{CallToolResult, Progress};
use oxmcp_proto::{Era, Method};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::params::{MetaMembers, Params};
use super::{Channel, Client, Inner};
use crate::connection::{CancelOnDrop, Connection, Done, ProgressFn, Waiter};
use crate::{Error, ErrorKind, Result, clock};

/// A request of the protocol, in its raw form: parameters in, result out, as JSON.
#[derive(Clone)]
pub struct Call {
    pub(super) method: MethodName,
    /// The extension that a method of no table belongs to.
    pub(super) extension: Option<Box<str>>,
    pub(super) params: RawJson,
    pub(super) silence: Option<Duration>,
    pub(super) total: Option<Duration>,
    pub(super) progress: Option<ProgressFn>,
}

impl Call {
    /// A call of `method` with a parameters object. Anything else fails the call as a [`Misuse`](ErrorKind::Misuse).
    pub fn new(method: Method, params: RawJson) -> Self {
        Self { method: method.into(), extension: None, params, silence: None, total: None, progress: None }
    }

    /// The longest silence; progress starts it anew. Default: [`Limits::call_silence`](crate::Limits::call_silence).
    pub fn timeout(mut self, silence: Duration) -> Self {
        self.silence = Some(silence);
        self
    }

    /// The longest time in all. Default: [`Limits::call_total`](crate::Limits::call_total).
    pub fn max_timeout(mut self, total: Duration) -> Self {
        self.total = Some(total);
        self
    }

    /// Hears of progress, on a thread of the runtime; it must not block.
    pub fn on_progress(mut self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(callback));
        self
    }

    /// What HTTP mirrors in `Mcp-Name`.
    pub(super) fn name(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow, default)]
            name: Option<Cow<'a, str>>,
            #[serde(borrow, default)]
            uri: Option<Cow<'a, str>>,
        }
        let member = self.method.known()?.info().name_param?;
        let named: Named<'_> = self.params.to().ok()?;
        if member == "uri" { named.uri } else { named.name }.map(Cow::into_owned)
    }

    /// Whether the work may take so long that progress is worth asking for.
    pub(super) fn may_progress(&self) -> bool {
        self.method.known().is_none_or(|method| method.info().may_require_input)
    }

    pub(super) fn patience(&self, inner: &Inner) -> Patience {
        Patience {
            silence: self.silence.unwrap_or(inner.limits.call_silence),
            total: self.total.unwrap_or(inner.limits.call_total),
        }
    }
}

impl Client {
    /// Runs a call. Dropping the future cancels it.
    ///
    /// # Errors
    ///
    /// Every [`ErrorKind`] but `Connect`: the call settles whatever the peer does.
    pub async fn call(&self, call: Call) -> Result<RawJson> {
        let call = self.adapt(call);
        let params = self.check(&call)?;
        let result = match &self.inner.channel {
            Channel::Stream(stream) => {
                let (sender, receiver) = oneshot::channel();
                let progress = call.progress.clone();
                let waiter = Waiter { done: Done::Channel(sender), progress };
                let made = self.call_over_stream(&stream.connection, &call, &params, waiter);
                let guard = CancelOnDrop { connection: &stream.connection, call: made };
                let outcome = receiver.await;
                guard.disarm();
                outcome.unwrap_or(Err(CallError::Cancelled))?
            }
            Channel::Http(http) => http.call(&self.inner, &call, params).await?,
        };
        self.complete(&call.method, result)
    }

    /// Starts a call; `done` hears what came of it, exactly once, on a thread of the runtime or before this returns. It must not block.
    ///
    /// For embedders that keep a table of calls of their own; over a stream it costs no task.
    pub fn start(&self, call: Call, done: impl FnOnce(Result<RawJson>) + Send + 'static) -> Started {
        let call = self.adapt(call);
        let params = match self.check(&call) {
            Ok(params) => params,
            Err(error) => {
                done(Err(error));
                return Started(StartedIn::Settled);
            }
        };
        match &self.inner.channel {
            Channel::Stream(stream) => {
                // The client lives as long as its calls.
                let (client, method) = (self.clone(), call.method.clone());
                let callback = move |outcome: Result<RawJson, CallError>| {
                    done(outcome.map_err(Error::from).and_then(|result| client.complete(&method, result)));
                };
                let waiter =
                    Waiter { done: Done::Callback(Box::new(callback)), progress: call.progress.clone() };
                let made = self.call_over_stream(&stream.connection, &call, &params, waiter);
                Started(match made {
                    Some(call) => StartedIn::Stream(stream.connection.clone(), call),
                    None => StartedIn::Settled,
                })
            }
            Channel::Http(http) => {
                let client = self.clone();
                let mut done = SettleOnDrop(Some(done));
                let task = http.runtime().spawn(async move {
                    let outcome = client.call(call).await;
                    done.settle(outcome);
                });
                Started(StartedIn::Task(task.abort_handle()))
            }
        }
    }

    fn call_over_stream(
        &self,
        connection: &Connection,
        call: &Call,
        params: &Params<'_>,
        waiter: Waiter,
    ) -> Option<CallId> {
        let options = CallOptions { patience: call.patience(&self.inner), cancellable: true };
        let stateless = self.inner.meta.as_deref();
        connection.call(call.method.as_str(), options, waiter, |id, out| {
            // Progress starts the silence anew even when nobody listens, so it is always asked for.
            let progress_token = call.may_progress().then(|| id.number());
            params.write(&MetaMembers { progress_token, stateless }, out);
        })
    }

    /// Asks in the words of the revision: where it has no `ping`, `server/discover` tells whether the server answers.
    fn adapt(&self, call: Call) -> Call {
        let ping = MethodName::Known(Method::Ping);
        let is_missing = call.method == ping && !Method::Ping.is_in(self.protocol_version());
        if is_missing { Call { method: Method::Discover.into(), ..call } } else { call }
    }

    /// Refuses what is no request, and what the server cannot answer (see the method table). Gives the parameters, looked at.
    fn check<'a>(&self, call: &'a Call) -> Result<Params<'a>> {
        let method = match (&call.method, &call.extension) {
            (MethodName::Known(method), _) => *method,
            (MethodName::Other(name), extension) => {
                self.check_extension(extension.as_deref().unwrap_or_default(), name)?;
                return Params::read(&call.params);
            }
        };
        let info = method.info();
        if info.kind != Kind::Request || info.sender == Sender::Server {
            return Err(Error::misuse(format!("{} is no request of a client", info.name)));
        }
        let version = self.protocol_version();
        if !method.is_in(version) {
            let message = format!("protocol version {version} has no {}", method.name());
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        match method.server_capability(version) {
            Some(capability) if !self.inner.negotiated.capabilities.declares(capability) => {
                let message = format!(
                    "the server did not declare the capability `{}` that {} needs",
                    capability.join("."),
                    method.name()
                );
                Err(Error::new(ErrorKind::Unsupported, message))
            }
            _ => Params::read(&call.params),
        }
    }

    /// Looks at a result before the caller does.
    fn complete(&self, method: &MethodName, result: RawJson) -> Result<RawJson> {
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(borrow, default, rename = "resultType")]
            result_type: Option<Cow<'a, str>>,
        }
        if !result.is_object() {
            return Err(Error::protocol(format!(
                "the server answered {} with a result that is no object",
                method.as_str()
            )));
        }
        if self.protocol_version().era() == Era::Handshake {
            return Ok(result);
        }
        let problem = match result.to::<Head<'_>>() {
            Ok(Head { result_type: None }) => return Ok(result),
            Ok(Head { result_type: Some(kind) }) if kind == "complete" => return Ok(result),
            Ok(Head { result_type: Some(kind) }) => {
                format!("of type {kind:?}, which this client did not offer to take")
            }
            Err(error) => format!("that cannot be read: {error}"),
        };
        Err(Error::protocol(format!("the server answered {} with a result {problem}", method.as_str())))
    }

    /// Asks whether the server answers: `ping`, or `server/discover` in revisions that have no ping.
    pub async fn ping(&self) -> Result<()> {
        self.call(Call::new(Method::Ping, RawJson::empty_object())).await.map(drop)
    }

    /// Calls a tool with arguments that serialise as an object. Await it, or set how first:
    ///
    /// ```
    /// # use oxmcp::{Client, Server};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let server = Server::new("demo", "1.0.0").tool("hello", "Greet.", || async { "hello" });
    /// # let client = Client::connect(server).await?;
    /// let result = client
    ///     .call_tool("hello", serde_json::json!({}))
    ///     .timeout(Duration::from_secs(5))
    ///     .on_progress(|progress| println!("{}", progress.progress))
    ///     .await?;
    /// assert_eq!(result.joined_text(), "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_tool(&self, name: impl Into<String>, arguments: impl Serialize) -> CallTool {
        #[derive(Serialize)]
        struct Params<'a, T> {
            name: &'a str,
            arguments: &'a T,
        }
        let name = name.into();
        let call = match RawJson::of(&Params { name: &name, arguments: &arguments }) {
            Ok(params) => Ok(Call::new(Method::CallTool, params)),
            Err(error) => Err(Error::misuse("the arguments have no JSON").with_source(error)),
        };
        CallTool { client: self.clone(), call }
    }
}

/// A call of a tool, about to be awaited.
#[must_use = "a call does nothing until it is awaited"]
pub struct CallTool {
    client: Client,
    call: Result<Call>,
}

impl CallTool {
    /// See [`Call::timeout`].
    pub fn timeout(self, silence: Duration) -> Self {
        self.with(|call| call.timeout(silence))
    }

    /// See [`Call::max_timeout`].
    pub fn max_timeout(self, total: Duration) -> Self {
        self.with(|call| call.max_timeout(total))
    }

    /// See [`Call::on_progress`].
    pub fn on_progress(self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.with(|call| call.on_progress(callback))
    }

    fn with(self, change: impl FnOnce(Call) -> Call) -> Self {
        Self { client: self.client, call: self.call.map(change) }
    }
}

impl IntoFuture for CallTool {
    type Output = Result<CallToolResult>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let result = self.client.call(self.call?).await?;
            result.to().map_err(|error| {
                Error::protocol("the server answered tools/call with something else than a tool's result")
                    .with_source(error)
            })
        })
    }
}

/// A call under way, to cancel. Dropping it lets the call go on.
#[derive(Debug)]
pub struct Started(StartedIn);

enum StartedIn {
    Settled,
    Stream(Connection, CallId),
    Task(AbortHandle),
}

impl Started {
    /// Cancels the call: it settles with [`Cancelled`](ErrorKind::Cancelled), the server is told. False when it has settled already.
    pub fn cancel(&self) -> bool {
        match &self.0 {
            StartedIn::Settled => false,
            StartedIn::Stream(connection, call) => connection.cancel(*call, "the caller cancelled"),
            StartedIn::Task(task) => {
                let running = !task.is_finished();
                task.abort();
                running
            }
        }
    }
}

impl std::fmt::Debug for StartedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Settled => "Settled",
            Self::Stream(..) => "Stream",
            Self::Task(_) => "Task",
        })
    }
}

/// Settles a call whose task is aborted.
struct SettleOnDrop<F: FnOnce(Result<RawJson>)>(Option<F>);

impl<F: FnOnce(Result<RawJson>)> SettleOnDrop<F> {
    fn settle(&mut self, outcome: Result<RawJson>) {
        if let Some(done) = self.0.take() {
            done(outcome);
        }
    }
}

impl<F: FnOnce(Result<RawJson>)> Drop for SettleOnDrop<F> {
    fn drop(&mut self) {
        self.settle(Err(CallError::Cancelled.into()));
    }
}

/// Waits for `work` as long as `patience` allows; `heard` tells when the peer was last heard of.
pub(super) async fn within<T>(
    patience: Patience,
    started: std::time::Instant,
    heard: impl Fn() -> std::time::Instant,
    work: impl Future<Output = T>,
) -> Result<T, CallError> {
    let mut work = std::pin::pin!(work);
    loop {
        let due = patience.due(started, heard());
        match tokio::time::timeout_at(due.into(), work.as_mut()).await {
            Ok(done) => return Ok(done),
            Err(_) => {
                let now = clock::now();
                if patience.due(started, heard()) <= now {
                    return Err(patience.timeout(started, now));
                }
            }
        }
    }
}
