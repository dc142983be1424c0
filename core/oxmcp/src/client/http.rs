mod failure;
mod in_flight;
mod kept;
mod listener;
mod negotiate;
mod posts;
mod serving;
mod session;
mod sse;

use std::borrow::Cow;
use std::future::pending;
use std::mem;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::AbortHandle;
use oxmcp_proto::jsonrpc::{Message, MethodName, RawJson, RequestId, write_notification, write_request};
use oxmcp_proto::link::{CallError, CloseReason};
use oxmcp_proto::model::{Progress, ProgressParams};
use oxmcp_proto::negotiation::Offer;
use oxmcp_proto::{Era, Method};
use tokio::runtime::Handle;
use tokio::sync::watch;

use self::failure::to_error;
use self::in_flight::{Flights, InFlight};
use self::kept::Kept;
use self::negotiate::NotNegotiated;
use self::posts::{Post, Posts};
use self::serving::{Asked, Serving};
use self::session::{Renewal, Standing, lock};
use super::call::within;
use super::eras::Agreed;
use super::inbound::Inbound;
use super::params::Params;
use super::{Call, Inner};
use crate::connection::ProgressFn;
use crate::transport::http::{Head, HttpClient, HttpError, Response};
use crate::{Limits, Result, clock};

pub(super) use self::failure::CallFailure;
pub(super) use self::sse::SseServer;

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
    flights: Flights,
    posts: Posts,
    serving: Serving,
    renewal: Renewal,
    kept: Kept,
    /// Ends the task that listens to the server.
    listener: Mutex<Option<AbortHandle>>,
    inbound: Inbound,
    max_depth: usize,
    closed: watch::Sender<bool>,
    released: watch::Sender<bool>,
    runtime: Handle,
}

impl HttpChannel {
    pub(super) async fn new(
        url: &str,
        headers: Vec<(String, String)>,
        offer: &Offer,
        limits: &Limits,
        inbound: Inbound,
    ) -> Result<Self> {
        let shared = Shared {
            http: HttpClient::new(url, headers, limits).await?,
            next_id: AtomicI64::new(1),
            standing: Mutex::default(),
            flights: Flights::default(),
            posts: Posts::default(),
            serving: Serving::new(limits.serving),
            renewal: Renewal::new(offer.clone(), limits.connect),
            kept: Kept::default(),
            listener: Mutex::default(),
            inbound,
            max_depth: limits.message_depth,
            closed: watch::Sender::new(false),
            released: watch::Sender::new(false),
            runtime: Handle::current(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Agrees on a revision.
    pub(super) async fn negotiate(&self, offer: &Offer, limits: &Limits) -> Result<Agreed, NotNegotiated> {
        self.shared.negotiate(offer, limits.probe, &self.shared.standing).await
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.shared.runtime
    }

    /// Whether this side has closed it.
    pub(super) fn is_closed(&self) -> bool {
        *self.shared.closed.borrow()
    }

    pub(super) fn released(&self) -> watch::Receiver<bool> {
        self.shared.released.subscribe()
    }

    /// Tells the server something, when its turn comes.
    pub(super) fn notify_of(&self, method: Cow<'static, str>, params: &[u8]) {
        let mut body = Vec::new();
        write_notification(&mut body, &method, |out| out.extend_from_slice(params));
        self.shared.post(method, body.into());
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
        let mut body = Vec::with_capacity(call.params.as_bytes().len() + 512);
        let meta = call.meta_members(inner, number);
        write_request(&mut body, &id, call.method.as_str(), |out| params.write(&meta, out));

        let started = clock::now();
        let heard = Mutex::new(started);
        let era = inner.negotiated.version.era();
        let asked = Asked::default();
        let mut on_message = |message| {
            *lock(&heard) = clock::now();
            let Some(message) = shared.admit(message, Some((number, call.progress.as_ref()))) else { return };
            match progress_of(&message, number) {
                Some(params) => hear(call.progress.as_ref(), params.progress),
                None => shared.take_admitted(message, era, Some(&asked)),
            }
        };
        let name = if inner.negotiated.version.wire().method_headers { call.name() } else { None };
        let params = match call.method {
            MethodName::Known(Method::CallTool) => inner.catalog.headers(&call.params),
            _ => Vec::new(),
        };
        let standing = shared.standing().clone();
        let head = Head {
            name: name.as_deref(),
            params: &params,
            lasts: call.method == MethodName::Known(Method::Listen),
            ..standing.head(call.method.as_str())
        };
        let (in_flight, sent, answered) = match era {
            Era::Handshake => {
                let (in_flight, sent, answered) = InFlight::new(shared, number);
                (Some(in_flight), Some(sent), Some(answered))
            }
            // There a lost connection says that nobody waits any more.
            Era::Stateless => (None, None, None),
        };
        let answered_elsewhere = async {
            match answered {
                Some(answered) => answered.await,
                None => pending().await,
            }
        };
        let body = Bytes::from(body);
        let exchange = async {
            let answer = shared.http.exchange(head, &id, body.clone(), sent, &mut on_message).await;
            match answer.map_err(|error| CallFailure::of(error, standing.session.is_some())) {
                // The server did not know the session, so it did not run the call either.
                Err(CallFailure::SessionEnded) => {
                    Box::pin(shared.ask_in_new_session(&standing, head, &id, body, &mut on_message)).await
                }
                answer => answer,
            }
        };
        let last_heard = || asked.last_heard(*lock(&heard));
        let settled = tokio::select! {
            biased;
            settled = within(call.patience(inner), started, last_heard, exchange) => settled?,
            _ = closed.wait_for(|closed| *closed) => return Err(CallError::Closed(CloseReason::Local).into()),
            Ok(outcome) = answered_elsewhere => Ok(Response { outcome, session: None }),
        };
        // A server whose answer was lost on the way, or is none, may still be at work.
        let is_answered = match &settled {
            Ok(_) | Err(CallFailure::SessionEnded | CallFailure::NoSession(_)) => true,
            Err(CallFailure::Http(error)) => matches!(error, HttpError::Status { .. }),
            Err(CallFailure::Call(_)) => false,
        };
        if let (Some(in_flight), true) = (in_flight, is_answered) {
            in_flight.settle();
        }
        let result = settled?.outcome.map_err(CallError::Rpc)?;
        if let (Era::Handshake, MethodName::Known(method)) = (era, &call.method) {
            shared.kept.note(*method, &call.params);
        }
        Ok(result)
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

impl Shared {
    fn next_id(&self) -> i64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        lock(&self.standing)
    }

    /// Tells the server that a request of the handshake era is no longer waited for.
    fn cancel(&self, id: i64) {
        let mut body = Vec::new();
        write_notification(&mut body, Method::Cancelled.name(), |out| {
            out.extend_from_slice(br#"{"requestId":"#);
            RequestId::Number(id).write(out);
            out.extend_from_slice(br#","reason":"the caller no longer waits"}"#);
        });
        self.post(Method::Cancelled.name(), body.into());
    }

    /// Sends a request again that met the end of its session, in a new one. Only once: a server that ends that as well has its reasons.
    async fn ask_in_new_session(
        self: &Arc<Self>,
        lost: &Standing,
        head: Head<'_>,
        id: &RequestId,
        body: Bytes,
        on_message: &mut (dyn FnMut(Message) + Send),
    ) -> Result<Response, CallFailure> {
        self.renew(lost).await.map_err(CallFailure::NoSession)?;
        let standing = self.standing().clone();
        let head = Head { session: standing.session.as_deref(), ..head };
        let answer = self.http.exchange(head, id, body, None, on_message).await;
        answer.map_err(|error| CallFailure::of(error, standing.session.is_some()))
    }

    /// Starts a task that ends with the client.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut closed = self.closed.subscribe();
        let _runtime = self.runtime.enter();
        self.http.spawn(async move {
            tokio::select! {
                () = task => {}
                _ = closed.wait_for(|closed| *closed) => {}
            }
        });
    }

    fn post(&self, method: impl Into<Cow<'static, str>>, body: Bytes) {
        let method = method.into();
        let standing = self.standing().clone();
        self.posts.push(Post { standing, method, body }, &self.http, &self.runtime);
    }

    /// Ends everything, in the order in which a server can follow.
    async fn end(&self) {
        for id in self.flights.take() {
            self.cancel(id);
        }
        self.posts.close(LAST_POSTS).await;
        let standing = mem::take(&mut *self.standing());
        if standing.session.is_some() {
            self.http.delete_session(standing.head("")).await;
        }
        self.http.close().await;
    }
}

/// The progress of the call with this token.
fn progress_of(message: &Message, token: i64) -> Option<ProgressParams> {
    let Message::Notification(notification) = message else { return None };
    if notification.method != MethodName::Known(Method::Progress) {
        return None;
    }
    let params: ProgressParams = notification.params.as_ref()?.to().ok()?;
    (params.progress_token == RequestId::Number(token)).then_some(params)
}

/// Runs a progress callback, if there is one. A panic in it stays there.
fn hear(callback: Option<&ProgressFn>, progress: Progress) {
    if let Some(callback) = callback {
        crate::connection::guard(|| callback(progress));
    }
}
