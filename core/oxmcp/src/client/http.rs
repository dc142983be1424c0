use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use oxmcp_proto::jsonrpc::{
    Message, MethodName, RawJson, Request, RequestId, write_error, write_notification, write_request,
    write_result,
};
use oxmcp_proto::link::{CallError, CloseReason};
use oxmcp_proto::model::{Progress, ProgressParams};
use oxmcp_proto::negotiation::{ClientNegotiation, Negotiated, Offer, Reply, Step};
use oxmcp_proto::{Era, Method, ProtocolVersion};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::call::within;
use super::connect::{answer_server, stateless_meta};
use super::params::{MetaMembers, write_params};
use super::{Call, Inner};
use crate::transport::http::{Head, HttpClient, HttpError, Response};
use crate::{Error, ErrorKind, Limits, Result};

/// A server over HTTP: each call is an exchange of its own, and there is nothing to drive.
pub(super) struct HttpChannel {
    shared: Arc<Shared>,
}

struct Shared {
    http: HttpClient,
    next_id: AtomicI64,
    /// The revision, once it is negotiated.
    version: Mutex<Option<ProtocolVersion>>,
    /// The session, in the handshake era, if the server keeps one.
    session: Mutex<Option<String>>,
    closed: watch::Sender<bool>,
    released: watch::Sender<bool>,
    runtime: Handle,
}

impl HttpChannel {
    pub(super) fn new(url: &str, headers: Vec<(String, String)>, limits: &Limits) -> Result<Self> {
        let shared = Shared {
            http: HttpClient::new(url, headers, limits)?,
            next_id: AtomicI64::new(1),
            version: Mutex::new(None),
            session: Mutex::new(None),
            closed: watch::Sender::new(false),
            released: watch::Sender::new(false),
            runtime: Handle::current(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.shared.runtime
    }

    pub(super) fn released(&self) -> watch::Receiver<bool> {
        self.shared.released.subscribe()
    }

    /// Agrees on a revision: tries the stateless era, and looks at how that is refused (2026-07-28, Streamable HTTP, "Backward
    /// Compatibility").
    pub(super) async fn negotiate(&self, offer: &Offer) -> Result<Negotiated> {
        let (mut negotiation, mut step) = ClientNegotiation::start(offer.clone());
        loop {
            step = match step {
                Step::Done(negotiated) => {
                    *self.shared.version() = Some(negotiated.version);
                    if negotiated.version.era() == Era::Handshake {
                        let mut body = Vec::new();
                        write_notification(&mut body, Method::Initialized.name(), |out| {
                            out.extend_from_slice(b"{}")
                        });
                        self.shared.post(Method::Initialized.name(), body.into()).await.map_err(to_error)?;
                    }
                    return Ok(*negotiated);
                }
                Step::Failed(error) => return Err(error.into()),
                Step::Request { method, version, params, .. } => {
                    negotiation.handle(self.ask(method, version, &params, offer).await?)
                }
            };
        }
    }

    async fn ask(
        &self,
        method: Method,
        version: ProtocolVersion,
        params: &RawJson,
        offer: &Offer,
    ) -> Result<Reply> {
        let stateless = (version.era() == Era::Stateless).then(|| stateless_meta(version, offer));
        let id = self.shared.next_id();
        let mut body = Vec::with_capacity(512);
        let meta = MetaMembers { progress_token: None, stateless: stateless.as_deref() };
        write_request(&mut body, &id, method.name(), |out| write_params(params, &meta, out));
        // Before it is agreed, a revision of the handshake era stands in the body alone.
        let named = (version.era() == Era::Stateless).then_some(version);
        let head = Head { version: named, method: method.name(), name: None, session: None };
        match self.shared.http.exchange(head, &id, body.into(), &mut |_| {}).await {
            Ok(Response { outcome: Ok(result), session }) => {
                *self.shared.session() = session;
                Ok(Reply::Result(result))
            }
            Ok(Response { outcome: Err(error), .. }) => Ok(Reply::Error(error)),
            Err(HttpError::Status { status, rpc: Some(error), .. })
                if status != http::StatusCode::UNAUTHORIZED =>
            {
                Ok(Reply::Error(error))
            }
            Err(HttpError::Status { status, .. }) if !is_unauthorized(status) => Ok(Reply::Refused),
            Err(error) => Err(to_error(error)),
        }
    }

    /// Runs one call. Dropping the future cancels it.
    pub(super) async fn call(&self, inner: &Inner, call: &Call) -> Result<RawJson, CallErrorOrHttp> {
        let shared = &self.shared;
        let mut closed = shared.closed.subscribe();
        if *closed.borrow() {
            return Err(CallError::Closed(CloseReason::Local).into());
        }
        let id = shared.next_id();
        let RequestId::Number(number) = id else { return Err(CallError::Cancelled.into()) };
        let progress_token = call.method.info().may_require_input.then_some(number);
        let mut body = Vec::with_capacity(call.params.as_bytes().len() + 512);
        let meta = MetaMembers { progress_token, stateless: inner.meta.as_deref() };
        write_request(&mut body, &id, call.method.name(), |out| write_params(&call.params, &meta, out));

        let started = Instant::now();
        let heard = Mutex::new(started);
        let mut on_message = |message| {
            *heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            shared.take_message(message, number, call);
        };
        let session = shared.session().clone();
        let name = if inner.negotiated.version.wire().method_headers { call.name() } else { None };
        let head = Head {
            version: Some(inner.negotiated.version),
            method: call.method.name(),
            name: name.as_deref(),
            session: session.as_deref(),
        };
        let cancel =
            CancelOnDrop { shared, id: id.clone(), armed: inner.negotiated.version.era() == Era::Handshake };
        let exchange = shared.http.exchange(head, &id, body.into(), &mut on_message);
        let last_heard = || *heard.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = tokio::select! {
            answered = within(call.patience(inner), started, last_heard, exchange) => answered,
            _ = closed.wait_for(|closed| *closed) => Err(CallError::Closed(CloseReason::Local)),
        };
        match answered {
            Ok(answered) => {
                cancel.disarm();
                answered?.outcome.map_err(|error| CallError::Rpc(error).into())
            }
            // Unless it is disarmed, the guard tells the server.
            Err(error) => Err(error.into()),
        }
    }

    /// Ends what is in flight and the session.
    pub(super) async fn close(&self) {
        self.abandon();
        // The channel itself keeps the sender alive.
        let _ = self.released().wait_for(|released| *released).await;
    }

    /// The same when nobody can wait for it.
    pub(super) fn abandon(&self) {
        if !self.shared.closed.send_replace(true) {
            self.shared.runtime.spawn(self.shared.clone().end_session());
        }
    }
}

/// Either way a call over HTTP fails.
pub(super) enum CallErrorOrHttp {
    Call(CallError),
    Http(HttpError),
}

impl From<CallError> for CallErrorOrHttp {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<HttpError> for CallErrorOrHttp {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

impl From<CallErrorOrHttp> for Error {
    fn from(error: CallErrorOrHttp) -> Self {
        match error {
            CallErrorOrHttp::Call(error) => error.into(),
            CallErrorOrHttp::Http(error) => to_error(error),
        }
    }
}

impl Shared {
    fn next_id(&self) -> RequestId {
        RequestId::Number(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    fn version(&self) -> std::sync::MutexGuard<'_, Option<ProtocolVersion>> {
        self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message that came on the way to a call's answer.
    fn take_message(self: &Arc<Self>, message: Message, token: i64, call: &Call) {
        match message {
            Message::Notification(notification)
                if notification.method == MethodName::Known(Method::Progress) =>
            {
                let params = notification.params.and_then(|params| params.to::<ProgressParams>().ok());
                if let (Some(params), Some(callback)) = (params, &call.progress)
                    && params.progress_token == RequestId::Number(token)
                {
                    hear(callback, params.progress);
                }
            }
            Message::Request(request) => self.answer(&request),
            other => tracing::debug!(?other, "a message on the way to an answer"),
        }
    }

    /// Answers a request of the server, as far as a client can; only the handshake era has them.
    fn answer(self: &Arc<Self>, request: &Request) {
        let mut body = Vec::new();
        match answer_server(request) {
            Ok(result) => write_result(&mut body, &request.id, &result),
            Err(error) => write_error(&mut body, Some(&request.id), &error),
        }
        self.post_in_background(request.method.as_str().to_owned(), body.into());
    }

    fn post_in_background(self: &Arc<Self>, method: String, body: Bytes) {
        let shared = self.clone();
        self.runtime.spawn(async move {
            if let Err(error) = shared.post(&method, body).await {
                tracing::debug!("{method} did not reach the server: {}", to_error(error));
            }
        });
    }

    async fn post(&self, method: &str, body: Bytes) -> Result<(), HttpError> {
        let (version, session) = (*self.version(), self.session().clone());
        self.http.post(Head { version, method, name: None, session: session.as_deref() }, body).await
    }

    async fn end_session(self: Arc<Self>) {
        let (version, session) = (*self.version(), self.session().take());
        if let Some(session) = session {
            self.http.delete_session(Head { version, method: "", name: None, session: Some(&session) }).await;
        }
        self.released.send_replace(true);
    }
}

/// Runs a progress callback. A panic in it stays there.
fn hear(callback: &crate::connection::ProgressFn, progress: Progress) {
    crate::connection::guard(|| callback(progress));
}

/// Tells the server that a call is no longer waited for, in the era in which a lost connection does not say so.
struct CancelOnDrop<'a> {
    shared: &'a Arc<Shared>,
    id: RequestId,
    armed: bool,
}

impl CancelOnDrop<'_> {
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let mut body = Vec::new();
        write_notification(&mut body, Method::Cancelled.name(), |out| {
            out.extend_from_slice(br#"{"requestId":"#);
            self.id.write(out);
            out.extend_from_slice(br#","reason":"the caller no longer waits"}"#);
        });
        self.shared.post_in_background(Method::Cancelled.name().to_owned(), body.into());
    }
}

fn is_unauthorized(status: http::StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 403)
}

fn to_error(error: HttpError) -> Error {
    match error {
        HttpError::Status { status, rpc: Some(rpc), .. } if status != http::StatusCode::UNAUTHORIZED => {
            CallError::Rpc(rpc).into()
        }
        HttpError::Status { status, .. } if is_unauthorized(status) => Error::new(
            ErrorKind::Unauthorized,
            format!(
                "the server refused the request with HTTP {status}; it wants authorization that was not given"
            ),
        ),
        HttpError::Status { status, body, .. } => {
            Error::protocol(format!("the server answered with HTTP {status}: {body}"))
        }
        HttpError::Connect(source) => {
            let message = "the server could not be reached; is it running, and is the URL right?";
            Error::new(ErrorKind::Connect, message).with_source(source)
        }
        HttpError::Broken(how) => CallError::Closed(CloseReason::Broken(how)).into(),
        HttpError::TooLarge { limit } => CallError::TooLarge { limit }.into(),
        HttpError::Protocol(what) => Error::protocol(format!("the server broke the protocol: {what}")),
    }
}
