mod failure;
mod posts;

use std::future::pending;
use std::mem;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use oxmcp_proto::jsonrpc::{
    ErrorObject, Message, MethodName, RawJson, Request, RequestId, write_error, write_notification,
    write_request, write_result,
};
use oxmcp_proto::link::{CallError, CloseReason};
use oxmcp_proto::model::{Progress, ProgressParams};
use oxmcp_proto::negotiation::{ClientNegotiation, Negotiated, NegotiationError, Offer, Reply, Step};
use oxmcp_proto::{Era, Method, ProtocolVersion};
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use self::failure::{is_unauthorized, to_error};
use self::posts::{Post, Posts};
use super::call::within;
use super::connect::stateless_meta;
use super::inbound::Inbound;
use super::params::{MetaMembers, Params};
use super::{Call, Inner};
use crate::server::Answer;
use crate::transport::http::{Head, HttpClient, HttpError, Response};
use crate::{Error, Limits, Result, clock};

pub(super) use self::failure::CallFailure;

/// How long closing waits for the messages that are still to be sent, before it ends the session.
const LAST_POSTS: Duration = Duration::from_secs(2);

/// A server over HTTP: each call is an exchange of its own, and there is nothing to drive. When it is dropped, its session is ended in the
/// background.
pub(super) struct HttpChannel {
    shared: Arc<Shared>,
}

struct Shared {
    http: HttpClient,
    next_id: AtomicI64,
    standing: Mutex<Standing>,
    /// The requests of the handshake era that nobody answered yet, each with what tells that it was sent.
    in_flight: Mutex<FxHashMap<i64, oneshot::Receiver<()>>>,
    posts: Posts,
    inbound: Inbound,
    closed: watch::Sender<bool>,
    released: watch::Sender<bool>,
    runtime: Handle,
}

/// What the negotiation came to, as every later request says it.
#[derive(Clone, Default)]
struct Standing {
    /// The revision, once there is one.
    version: Option<ProtocolVersion>,
    /// The session, in the handshake era, if the server keeps one.
    session: Option<Arc<str>>,
}

impl Standing {
    fn head<'a>(&'a self, method: &'a str) -> Head<'a> {
        Head { version: self.version, method, name: None, session: self.session.as_deref() }
    }
}

impl HttpChannel {
    pub(super) async fn new(
        url: &str,
        headers: Vec<(String, String)>,
        limits: &Limits,
        inbound: Inbound,
    ) -> Result<Self> {
        let shared = Shared {
            http: HttpClient::new(url, headers, limits).await?,
            next_id: AtomicI64::new(1),
            standing: Mutex::default(),
            in_flight: Mutex::default(),
            posts: Posts::default(),
            inbound,
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
    pub(super) async fn negotiate(&self, offer: &Offer, limits: &Limits) -> Result<Negotiated> {
        let (mut negotiation, mut step) = ClientNegotiation::start(offer.clone());
        let mut refusal = None;
        loop {
            step = match step {
                Step::Done(negotiated) => {
                    self.shared.inbound.agree(&negotiated);
                    self.shared.standing().version = Some(negotiated.version);
                    if negotiated.version.era() == Era::Handshake {
                        self.begin_session().await.map_err(to_error)?;
                    }
                    return Ok(*negotiated);
                }
                Step::Failed(error) => {
                    let last_words = refusal.filter(|_| error == NegotiationError::NotAServer);
                    let error = Error::from(error);
                    return Err(match last_words {
                        Some(refusal) => error.with_source(to_error(refusal)),
                        None => error,
                    });
                }
                Step::Request { method, version, params, is_probe } => {
                    let patience = is_probe.then_some(limits.probe);
                    let reply = match self.ask(method, version, &params, patience, offer).await {
                        Ok(reply) => reply,
                        Err(error) if is_refusal(&error, is_probe) => {
                            refusal = Some(error);
                            Reply::Refused
                        }
                        Err(error) => return Err(to_error(error)),
                    };
                    negotiation.handle(reply)
                }
            };
        }
    }

    /// Sends a request of the negotiation. With `patience`, a server that has not answered it so long after it was sent is silent.
    async fn ask(
        &self,
        method: Method,
        version: ProtocolVersion,
        params: &RawJson,
        patience: Option<Duration>,
        offer: &Offer,
    ) -> Result<Reply, HttpError> {
        let stateless = (version.era() == Era::Stateless).then(|| stateless_meta(version, offer));
        let id = RequestId::Number(self.shared.next_id());
        let mut body = Vec::with_capacity(512);
        let meta = MetaMembers { progress_token: None, stateless: stateless.as_deref() };
        write_request(&mut body, &id, method.name(), |out| Params::plain(params).write(&meta, out));
        // Before it is agreed, a revision of the handshake era stands in the body alone.
        let named = (version.era() == Era::Stateless).then_some(version);
        let head = Head { version: named, method: method.name(), name: None, session: None };
        let (sending, sent) = oneshot::channel();
        let silence = async {
            match (patience, sent.await) {
                (Some(patience), Ok(())) => tokio::time::sleep(patience).await,
                _ => pending().await,
            }
        };
        let mut on_message = |_| {};
        let answer = tokio::select! {
            answer = self.shared.http.exchange(head, &id, body.into(), Some(sending), &mut on_message) => answer,
            () = silence => return Ok(Reply::Silence),
        };
        match answer {
            Ok(Response { outcome: Ok(result), session }) => {
                // No other answer opens a session.
                if method == Method::Initialize {
                    self.shared.standing().session = session.map(Arc::from);
                }
                Ok(Reply::Result(result))
            }
            Ok(Response { outcome: Err(error), .. }) => Ok(Reply::Error(error)),
            Err(HttpError::Status { status, rpc: Some(error), .. }) if !is_unauthorized(status) => {
                Ok(Reply::Error(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Says that the session may begin.
    async fn begin_session(&self) -> Result<(), HttpError> {
        let mut body = Vec::new();
        write_notification(&mut body, Method::Initialized.name(), |out| out.extend_from_slice(b"{}"));
        let standing = self.shared.standing().clone();
        self.shared.http.post(standing.head(Method::Initialized.name()), body.into()).await
    }

    /// Runs one call. Dropping the future cancels it.
    pub(super) async fn call(
        &self,
        inner: &Inner,
        call: &Call,
        params: Params<'_>,
    ) -> Result<RawJson, CallFailure> {
        let shared = &self.shared;
        let mut closed = shared.closed.subscribe();
        if *closed.borrow() {
            return Err(CallError::Closed(CloseReason::Local).into());
        }
        let number = shared.next_id();
        let id = RequestId::Number(number);
        let progress_token = call.may_progress().then_some(number);
        let mut body = Vec::with_capacity(call.params.as_bytes().len() + 512);
        let meta = MetaMembers { progress_token, stateless: inner.meta.as_deref() };
        write_request(&mut body, &id, call.method.as_str(), |out| params.write(&meta, out));

        let started = clock::now();
        let heard = Mutex::new(started);
        let era = inner.negotiated.version.era();
        let mut on_message = |message| {
            *heard.lock().unwrap_or_else(PoisonError::into_inner) = clock::now();
            shared.take_message(message, era, number, call);
        };
        let name = if inner.negotiated.version.wire().method_headers { call.name() } else { None };
        let standing = shared.standing().clone();
        let head = Head { name: name.as_deref(), ..standing.head(call.method.as_str()) };
        let (in_flight, sent) = match era {
            Era::Handshake => {
                let (in_flight, sent) = InFlight::new(shared, number);
                (Some(in_flight), Some(sent))
            }
            // There a lost connection says that nobody waits any more.
            Era::Stateless => (None, None),
        };
        let exchange = shared.http.exchange(head, &id, body.into(), sent, &mut on_message);
        let last_heard = || *heard.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = tokio::select! {
            settled = within(call.patience(inner), started, last_heard, exchange) => settled?,
            _ = closed.wait_for(|closed| *closed) => return Err(CallError::Closed(CloseReason::Local).into()),
        };
        // A server whose answer was lost on the way, or is none, may still be at work.
        let is_answered = matches!(settled, Ok(_) | Err(HttpError::Status { .. }));
        if let (Some(in_flight), true) = (in_flight, is_answered) {
            in_flight.settle();
        }
        match settled {
            Ok(Response { outcome, .. }) => outcome.map_err(|error| CallError::Rpc(error).into()),
            Err(error) => Err(CallFailure::of(error, standing.session.is_some())),
        }
    }

    /// Ends what is in flight and the session.
    pub(super) async fn close(&self) {
        self.abandon();
        // The channel itself keeps the sender alive.
        let _ = self.released().wait_for(|released| *released).await;
    }

    /// The same when nobody can wait for it.
    fn abandon(&self) {
        if !self.shared.closed.send_replace(true) {
            let release = Release(self.shared.clone());
            self.shared.runtime.spawn(async move { release.0.end().await });
        }
    }
}

impl Drop for HttpChannel {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// Says that everything is released when it is dropped, even if the runtime ends before the session.
struct Release(Arc<Shared>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.released.send_replace(true);
    }
}

/// Whether a failed request of the negotiation was refused, so that there may be another way. While probing, whatever is no answer says
/// that the server knows nothing of the stateless era (2026-07-28, versioning: "Anything else identifies a legacy server").
fn is_refusal(error: &HttpError, is_probe: bool) -> bool {
    match error {
        HttpError::Status { status, .. } => !is_unauthorized(*status),
        HttpError::Protocol(_) | HttpError::Broken(_) => is_probe,
        _ => false,
    }
}

impl Shared {
    fn next_id(&self) -> i64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_flight(&self) -> MutexGuard<'_, FxHashMap<i64, oneshot::Receiver<()>>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message that came on the way to a call's answer.
    fn take_message(&self, message: Message, era: Era, token: i64, call: &Call) {
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
            Message::Request(request) if era == Era::Handshake => self.answer(request),
            Message::Notification(notification) => self.inbound.notified(notification),
            other => tracing::debug!(?other, "a message on the way to an answer"),
        }
    }

    /// Answers a request of the server, as far as that can be done at once.
    fn answer(&self, request: Request) {
        let id = request.id.clone();
        let method = match request.method {
            MethodName::Known(method) => method.name(),
            MethodName::Other(_) => "an answer",
        };
        let outcome = match self.inbound.answer(request) {
            Answer::Ready(outcome) => outcome,
            Answer::Refused(error) => Err(error),
            Answer::Later(_) => Err(ErrorObject::internal("this client cannot answer that over HTTP")),
        };
        let mut body = Vec::new();
        match outcome {
            Ok(result) => write_result(&mut body, &id, &result),
            Err(error) => write_error(&mut body, Some(&id), &error),
        }
        self.post(method, body.into());
    }

    /// Tells the server that a request of the handshake era is no longer waited for, if it was sent at all.
    fn cancel(&self, id: i64, mut sent: oneshot::Receiver<()>) {
        if sent.try_recv().is_err() {
            return;
        }
        let mut body = Vec::new();
        write_notification(&mut body, Method::Cancelled.name(), |out| {
            out.extend_from_slice(br#"{"requestId":"#);
            RequestId::Number(id).write(out);
            out.extend_from_slice(br#","reason":"the caller no longer waits"}"#);
        });
        self.post(Method::Cancelled.name(), body.into());
    }

    fn post(&self, method: &'static str, body: Bytes) {
        let standing = self.standing().clone();
        self.posts.push(Post { standing, method, body }, &self.http, &self.runtime);
    }

    /// Ends everything, in the order in which a server can follow.
    async fn end(&self) {
        let in_flight = mem::take(&mut *self.in_flight());
        for (id, sent) in in_flight {
            self.cancel(id, sent);
        }
        self.posts.close(LAST_POSTS).await;
        let standing = mem::take(&mut *self.standing());
        if standing.session.is_some() {
            self.http.delete_session(standing.head("")).await;
        }
        self.http.close().await;
    }
}

/// Runs a progress callback. A panic in it stays there.
fn hear(callback: &crate::connection::ProgressFn, progress: Progress) {
    crate::connection::guard(|| callback(progress));
}

/// A request that waits for its answer, in the era in which a lost connection does not say that nobody does any more. Dropped before it is
/// settled, it is cancelled.
struct InFlight<'a> {
    shared: &'a Shared,
    id: i64,
    settled: bool,
}

impl<'a> InFlight<'a> {
    /// Also gives what is to tell that the request was sent.
    fn new(shared: &'a Shared, id: i64) -> (Self, oneshot::Sender<()>) {
        let (sending, sent) = oneshot::channel();
        shared.in_flight().insert(id, sent);
        (Self { shared, id, settled: false }, sending)
    }

    fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let sent = self.shared.in_flight().remove(&self.id);
        if let Some(sent) = sent
            && !self.settled
        {
            self.shared.cancel(self.id, sent);
        }
    }
}
