use std::borrow::Cow;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use oxmcp_proto::jsonrpc::{MethodName, RawJson, codes};
use oxmcp_proto::link::{CallError, CallId, CallOptions, Patience};
use oxmcp_proto::methods::{Kind, Sender};
use oxmcp_proto::model::{LoggingLevel, Progress};
use oxmcp_proto::{Era, Method};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::cache::CacheKey;
use super::params::{MetaMembers, Params};
use super::time::Time;
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
    pub(super) log_level: Option<LoggingLevel>,
    pub(super) meta: Vec<(String, RawJson)>,
    /// Whether a result that was kept will do.
    pub(super) is_fresh: bool,
    /// Hears the id of the request when it is sent.
    pub(super) number: Option<Arc<OnceLock<i64>>>,
}

impl Call {
    /// A call of `method` with a parameters object. Anything else fails the call as a [`Misuse`](ErrorKind::Misuse).
    pub fn new(method: Method, params: RawJson) -> Self {
        Self::named(method.into(), None, params)
    }

    pub(super) fn named(method: MethodName, extension: Option<Box<str>>, params: RawJson) -> Self {
        Self {
            method,
            extension,
            params,
            silence: None,
            total: None,
            progress: None,
            log_level: None,
            meta: Vec::new(),
            is_fresh: false,
            number: None,
        }
    }

    /// The longest silence; progress starts it anew. Default: [`Limits::call_silence`](crate::Limits::call_silence).
    pub fn timeout(mut self, silence: Duration) -> Self {
        self.silence = Some(silence);
        self
    }

    /// The longest time in all, with the time it takes to get the input that the server needs for it. Default:
    /// [`Limits::call_total`](crate::Limits::call_total).
    pub fn max_timeout(mut self, total: Duration) -> Self {
        self.total = Some(total);
        self
    }

    /// Hears of progress, on a thread of the runtime; it must not block.
    pub fn on_progress(mut self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(callback));
        self
    }

    /// Adds a member to the `_meta` of the request: something of your own under a prefixed key, or the trace context under `traceparent`,
    /// `tracestate` and `baggage` (2026-07-28, basic, `_meta`). The keys that the library writes itself are left as they are.
    ///
    /// # Errors
    ///
    /// [`Misuse`](ErrorKind::Misuse) if the value has no JSON.
    pub fn meta(mut self, key: impl Into<String>, value: impl Serialize) -> Result<Self> {
        let key = key.into();
        let value = RawJson::of(&value).map_err(|error| {
            Error::misuse(format!("the member {key:?} of `_meta` has no JSON")).with_source(error)
        })?;
        self.meta.retain(|(other, _)| *other != key);
        self.meta.push((key, value));
        Ok(self)
    }

    /// Asks the server, even if it said that an earlier result may still be used (2026-07-28, caching).
    pub fn no_cache(mut self) -> Self {
        self.is_fresh = true;
        self
    }

    /// The least severe level of the log messages that the server is to send while it works on this (2026-07-28). Default: that of
    /// [`Connect::on_log`](super::Connect::on_log) or [`Client::set_log_level`]. Through 2025-11-25 a server has one level for all.
    pub fn log_level(mut self, level: LoggingLevel) -> Self {
        self.log_level = Some(level);
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
            #[serde(borrow, default, rename = "taskId")]
            task_id: Option<Cow<'a, str>>,
        }
        let member = self.method.known()?.info().name_param?;
        let named: Named<'_> = self.params.to().ok()?;
        let value = match member {
            "uri" => named.uri,
            "taskId" => named.task_id,
            _ => named.name,
        };
        value.map(Cow::into_owned)
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

    /// What the request's `_meta` holds beside what the caller put into its parameters. `number` is the id of the request.
    pub(super) fn meta_members<'a>(&'a self, inner: &'a Inner, number: i64) -> MetaMembers<'a> {
        if let Some(hears) = &self.number {
            // A request is sent once.
            let _ = hears.set(number);
        }
        MetaMembers {
            // Progress starts the silence anew even when nobody listens, so it is always asked for.
            progress_token: self.may_progress().then_some(number),
            stateless: inner.meta.as_deref(),
            log_level: inner.log_level.of(self.log_level),
            more: &self.meta,
        }
    }
}

/// A result, looked at.
pub(super) enum Looked {
    Complete(RawJson),
    Interim(Interim),
}

/// A result after which a call goes on.
pub(super) enum Interim {
    /// The server needs input before it can go on (2026-07-28, patterns, MRTR).
    InputRequired(RawJson),
    /// It goes on as a task (extension `io.modelcontextprotocol/tasks`).
    Task(RawJson),
}

impl Client {
    /// Runs a call. Dropping the future cancels it.
    ///
    /// When the server needs input for it (2026-07-28, patterns, MRTR), the handlers of this client are asked, and the call goes on with what
    /// they give, up to [`Limits::input_rounds`](crate::Limits::input_rounds) times. When the server makes it a task, which it only does for a
    /// client that [declared](super::Connect::tasks) that it knows tasks, the task is followed to its end, and cancelled if the future
    /// is dropped.
    ///
    /// # Errors
    ///
    /// Every [`ErrorKind`] but `Connect`: the call settles whatever the peer does.
    pub async fn call(&self, call: Call) -> Result<RawJson> {
        let call = self.adapt(call);
        let key = self.inner.cache.key(&call);
        if let Some(result) = self.kept(&call, key.as_ref()) {
            return Ok(result);
        }
        let started = clock::now();
        let result = match self.send(&call).await {
            Err(error) if self.lacks_headers(&call, &error) => {
                self.send_with_headers(&call, started, error).await?
            }
            Err(error) => return Err(self.refused(key.as_ref(), error)),
            Ok(result) => result,
        };
        match self.look(&call, result)? {
            Looked::Complete(result) => Ok(self.keep(key, result)),
            Looked::Interim(interim) => Box::pin(self.resume(call, started, interim)).await,
        }
    }

    /// The result of an earlier call, if it will do.
    pub(super) fn kept(&self, call: &Call, key: Option<&CacheKey>) -> Option<RawJson> {
        let kept = key.filter(|_| !call.is_fresh).and_then(|key| self.inner.cache.find(key))?;
        // What is not to be sent is not to be answered either.
        self.check(call).ok().map(|_| kept)
    }

    /// Keeps a complete result, if it may be kept.
    pub(super) fn keep(&self, key: Option<CacheKey>, result: RawJson) -> RawJson {
        if let Some(key) = key {
            self.inner.cache.keep(key, &result);
        }
        result
    }

    /// A page that the server refuses makes those before it worthless (2026-07-28, caching, "Interaction with Pagination").
    pub(super) fn refused(&self, key: Option<&CacheKey>, error: Error) -> Error {
        if let (Some(key), ErrorKind::Rpc) = (key, error.kind())
            && key.method() != Method::ReadResource
        {
            self.inner.cache.forget(&[key.method()]);
        }
        error
    }

    /// Sends one request and waits for its result. Dropping the future cancels it.
    pub(super) async fn send(&self, call: &Call) -> Result<RawJson> {
        match self.inner.inbound.layers() {
            None => self.send_at_end(call).await,
            Some(layers) => self.send_in_layers(layers, call).await,
        }
    }

    /// The same for a request that has come through all layers.
    pub(super) async fn send_at_end(&self, call: &Call) -> Result<RawJson> {
        let params = self.check(call)?;
        match &self.inner.channel {
            Channel::Stream(stream) => {
                let (sender, receiver) = oneshot::channel();
                let progress = call.progress.clone();
                let waiter = Waiter { done: Done::Channel(sender), progress };
                let made = self.send_over_stream(&stream.connection, call, &params, waiter);
                let guard = CancelOnDrop { connection: &stream.connection, call: made };
                let outcome = receiver.await;
                guard.disarm();
                Ok(outcome.unwrap_or(Err(CallError::Cancelled))?)
            }
            Channel::Http(http) => Ok(http.call(&self.inner, call, params).await?),
        }
    }

    /// Whether the server refused a call because the headers that repeat its arguments are not there or wrong: the client does not know
    /// the tool, or another version of it.
    fn lacks_headers(&self, call: &Call, error: &Error) -> bool {
        call.method == MethodName::Known(Method::CallTool)
            && self.protocol_version().wire().method_headers
            && error.rpc().is_some_and(|rpc| rpc.code == codes::HEADER_MISMATCH)
    }

    /// Lists the tools anew, and sends a call again (2026-07-28, Streamable HTTP, "Client Behavior").
    async fn send_with_headers(&self, call: &Call, started: Instant, refusal: Error) -> Result<RawJson> {
        let time = Time::new(started, call.total.unwrap_or(self.inner.limits.call_total));
        let list = Call {
            total: Some(time.left()?),
            ..Call::new(Method::ListTools, RawJson::empty_object()).no_cache()
        };
        if let Err(error) = Box::pin(self.list_all(list)).await {
            tracing::debug!(%error, "the tools cannot be listed, so a call stays refused");
            return Err(refusal);
        }
        let again = Call { total: Some(time.left()?), ..call.clone() };
        self.send(&again).await.map_err(|error| time.explain(error))
    }

    pub(super) fn send_over_stream(
        &self,
        connection: &Connection,
        call: &Call,
        params: &Params<'_>,
        waiter: Waiter,
    ) -> Option<CallId> {
        let options = CallOptions { patience: call.patience(&self.inner), cancellable: true };
        connection.call(call.method.as_str(), options, waiter, |id, out| {
            params.write(&call.meta_members(&self.inner, id.number()), out);
        })
    }

    /// Asks in the words of the revision: where it has no `ping`, `server/discover` tells whether the server answers.
    pub(super) fn adapt(&self, call: Call) -> Call {
        let ping = MethodName::Known(Method::Ping);
        let is_missing = call.method == ping && !Method::Ping.is_in(self.protocol_version());
        if is_missing { Call { method: Method::Discover.into(), ..call } } else { call }
    }

    /// Refuses what is no request, and what the server cannot answer (see the method table). Gives the parameters, looked at.
    pub(super) fn check<'a>(&self, call: &'a Call) -> Result<Params<'a>> {
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
    pub(super) fn look(&self, call: &Call, result: RawJson) -> Result<Looked> {
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(borrow, default, rename = "resultType")]
            result_type: Option<Cow<'a, str>>,
        }
        let method = &call.method;
        if !result.is_object() {
            return Err(Error::protocol(format!(
                "the server answered {} with a result that is no object",
                method.as_str()
            )));
        }
        if self.protocol_version().era() == Era::Handshake {
            return self.accept(call, result).map(Looked::Complete);
        }
        let problem = match result.to::<Head<'_>>() {
            Ok(Head { result_type: None }) => return self.accept(call, result).map(Looked::Complete),
            Ok(Head { result_type: Some(kind) }) => match &*kind {
                "complete" => return self.accept(call, result).map(Looked::Complete),
                "input_required" if method.known().is_some_and(|method| method.info().may_require_input) => {
                    return Ok(Looked::Interim(Interim::InputRequired(result)));
                }
                "task" if self.may_become_task(method) => return Ok(Looked::Interim(Interim::Task(result))),
                kind => format!("of type {kind:?}, which this client did not offer to take"),
            },
            Err(error) => format!("that cannot be read: {error}"),
        };
        Err(Error::protocol(format!("the server answered {} with a result {problem}", method.as_str())))
    }

    /// Learns from a complete result, and checks it where that is known to be possible.
    pub(super) fn accept(&self, call: &Call, result: RawJson) -> Result<RawJson> {
        let result = match call.method {
            MethodName::Known(Method::ListTools) => self.inner.catalog.learn(result),
            MethodName::Known(Method::CallTool) => {
                self.inner.catalog.check_output(&call.params, &result)?;
                result
            }
            _ => result,
        };
        Ok(result)
    }

    /// Asks whether the server answers: `ping`, or `server/discover` in revisions that have no ping.
    pub async fn ping(&self) -> Result<()> {
        self.call(Call::new(Method::Ping, RawJson::empty_object())).await.map(drop)
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
