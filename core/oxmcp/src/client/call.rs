use std::borrow::Cow;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{MethodName, RawJson, codes};
use oxmcp_proto::link::{CallError, CallId, CallOptions, Patience};
use oxmcp_proto::methods::{Kind, Sender};
use oxmcp_proto::model::{LoggingLevel, Progress};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::cache::CacheKey;
use super::catalog::Doubt;
use super::looked::{Interim, Looked};
use super::params::{MetaMembers, Params};
use super::time::Time;
use super::{Channel, Client, Inner};
use crate::auth::Effort;
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
    /// What was set in a wrong way; the call fails with it.
    pub(super) misuse: Option<Arc<str>>,
    /// In which generation of the [`Catalog`](super::catalog::Catalog) the tools are listed.
    pub(super) generation: u64,
    /// How far the client goes to be authorized for it.
    pub(super) effort: Effort,
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
            misuse: None,
            generation: 0,
            effort: Effort::Full,
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
    /// `tracestate` and `baggage` (2026-07-28, basic, `_meta`). The keys that the library writes itself are left as they are. A value that
    /// has no JSON fails the call as a [`Misuse`](ErrorKind::Misuse).
    pub fn meta(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let key = key.into();
        match RawJson::of(&value) {
            Ok(value) => {
                self.meta.retain(|(other, _)| *other != key);
                self.meta.push((key, value));
            }
            Err(error) => {
                self.misuse = Some(format!("the member {key:?} of `_meta` has no JSON: {error}").into());
            }
        }
        self
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
        let key = self.cache_key(&call);
        if let Some(result) = self.kept(&call, key.as_ref()) {
            return Ok(result);
        }
        let started = clock::now();
        let outcome = self.send(&call).await;
        match self.look(&call, key.as_ref(), outcome)? {
            Looked::Complete(result) => Ok(self.keep(key, result)),
            Looked::Interim(interim) => Box::pin(self.resume(call, started, interim)).await,
        }
    }

    /// What a result would be kept under, unless layers are to see the call first.
    fn cache_key(&self, call: &Call) -> Option<CacheKey> {
        match self.inner.inbound.layers() {
            None => self.inner.cache.key(call),
            Some(_) => None,
        }
    }

    /// Sends a request that has come through all layers, if no result was kept of one that came through in the same way.
    pub(super) async fn send_or_find(&self, call: &Call) -> Result<RawJson> {
        let Some(key) = self.inner.cache.key(call) else { return self.send_at_end(call).await };
        if let Some(result) = self.kept(call, Some(&key)) {
            return Ok(result);
        }
        let result = self.send_at_end(call).await.map_err(|error| self.refused(Some(&key), error))?;
        Ok(match self.look_at_result(call, result.clone())? {
            Looked::Complete(result) => self.keep(Some(key), result),
            Looked::Interim(_) => result,
        })
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
    fn refused(&self, key: Option<&CacheKey>, error: Error) -> Error {
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
            // Much is nested in there, and compilers follow the futures of a program to a limit only.
            Channel::Http(http) => Ok(Box::pin(http.call(&self.inner, call, params)).await?),
        }
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
    pub(super) fn adapt(&self, mut call: Call) -> Call {
        match call.method {
            MethodName::Known(Method::Ping) if !Method::Ping.is_in(self.protocol_version()) => {
                call.method = Method::Discover.into();
            }
            MethodName::Known(Method::ListTools) => call.generation = self.inner.catalog.generation(),
            _ => {}
        }
        call
    }

    /// Refuses what is no request, and what the server cannot answer (see the method table). Gives the parameters, looked at.
    pub(super) fn check<'a>(&self, call: &'a Call) -> Result<Params<'a>> {
        if let Some(misuse) = &call.misuse {
            return Err(Error::misuse(&**misuse));
        }
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

    /// Looks at what came of a request before the caller does. `key` is what its result would be kept under.
    pub(super) fn look(
        &self,
        call: &Call,
        key: Option<&CacheKey>,
        outcome: Result<RawJson>,
    ) -> Result<Looked> {
        match outcome {
            Ok(result) => self.look_at_result(call, result),
            Err(error) => match error.rpc().map(|rpc| rpc.code) {
                Some(codes::URL_ELICITATION_REQUIRED) if self.visits_pages() => {
                    Ok(Looked::Interim(Interim::Visit(error)))
                }
                Some(codes::HEADER_MISMATCH) if self.repeats_arguments(call) => {
                    Ok(Looked::Interim(Interim::Headers(error)))
                }
                _ => Err(self.refused(key, error)),
            },
        }
    }

    fn look_at_result(&self, call: &Call, result: RawJson) -> Result<Looked> {
        #[derive(Deserialize)]
        struct Kind<'a>(#[serde(borrow)] Cow<'a, str>);

        let complete = |result| match self.learn(call, result) {
            Ok(result) => Looked::Complete(result),
            Err(doubt) => Looked::Interim(Interim::Doubted(doubt)),
        };
        let method = &call.method;
        if !result.is_object() {
            let message = format!("the server answered {} with a result that is no object", method.as_str());
            return Err(Error::protocol(message).running(true));
        }
        if !self.protocol_version().wire().result_type {
            return Ok(complete(result));
        }
        let problem = match result.member::<Option<Kind<'_>>>("resultType").map(Option::flatten) {
            Ok(None) => return Ok(complete(result)),
            Ok(Some(Kind(kind))) => match &*kind {
                "complete" => return Ok(complete(result)),
                "input_required" if method.known().is_some_and(|method| method.info().may_require_input) => {
                    return Ok(Looked::Interim(Interim::InputRequired(result)));
                }
                "task" if self.may_become_task(method) => return Ok(Looked::Interim(Interim::Task(result))),
                kind => format!("of type {kind:?}, which this client did not offer to take"),
            },
            Err(error) => format!("that cannot be read: {error}"),
        };
        let message = format!("the server answered {} with a result {problem}", method.as_str());
        Err(Error::protocol(message).running(true))
    }

    /// Learns from a complete result, and checks it where that is known to be possible.
    fn learn(&self, call: &Call, result: RawJson) -> Result<RawJson, Box<Doubt>> {
        match call.method {
            MethodName::Known(Method::ListTools) => Ok(self.inner.catalog.learn(result, call.generation)),
            MethodName::Known(Method::CallTool) => self.inner.catalog.check_output(&call.params, result),
            _ => Ok(result),
        }
    }

    /// Accepts the complete result of a call that went on.
    pub(super) async fn accept(&self, call: &Call, result: RawJson, time: Time) -> Result<RawJson> {
        match self.learn(call, result) {
            Ok(result) => Ok(result),
            Err(doubt) => self.judge_anew(call, *doubt, time).await,
        }
    }

    /// Whether the server asks this client to visit pages with an error.
    fn visits_pages(&self) -> bool {
        self.protocol_version().wire().url_required && self.inner.inbound.handlers().url.is_some()
    }

    /// Whether HTTP repeats arguments of a call in headers.
    fn repeats_arguments(&self, call: &Call) -> bool {
        call.method == MethodName::Known(Method::CallTool) && self.protocol_version().wire().method_headers
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
