mod asked;
mod asking;
mod failure;
mod flights;
mod in_flight;
mod kept;
mod listener;
mod negotiate;
mod no_session;
mod posts;
mod renewal;
mod serving;
mod sse;
mod standing;

use std::borrow::Cow;
use std::mem;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::AbortHandle;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{MethodName, Notification, RawJson, RequestId, write_notification};
use oxmcp_proto::link::{CallError, CloseReason};
use oxmcp_proto::model::{Progress, ProgressParams};
use oxmcp_proto::negotiation::Offer;
use tokio::runtime::Handle;
use tokio::sync::watch;

use self::asking::Asking;
use self::failure::to_error;
use self::flights::Flights;
use self::kept::Kept;
use self::negotiate::NotNegotiated;
use self::posts::{Post, Posts};
use self::renewal::Renewal;
use self::serving::Serving;
use self::standing::{Standing, lock};
use super::call::within;
use super::eras::Agreed;
use super::inbound::Inbound;
use super::params::Params;
use super::{Call, Inner};
use crate::auth::{Authorizer, Effort};
use crate::connection::ProgressFn;
use crate::layer::{Id, LayerRequest};
use crate::transport::http::{Access, HttpClient};
use crate::{Limits, Result};

pub(super) use self::sse::{NotOpened, SseServer};

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
        access: Access,
        offer: &Offer,
        limits: &Limits,
        inbound: Inbound,
    ) -> Result<Self> {
        let shared = Shared {
            http: HttpClient::new(url, access, limits).await?,
            next_id: AtomicI64::new(1),
            standing: Mutex::default(),
            flights: Flights::default(),
            posts: Posts::default(),
            serving: Serving::new(limits.serving, limits.http_connections),
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
        self.shared.negotiate(offer, limits.probe, Effort::Full, &self.shared.standing).await
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.shared.runtime
    }

    /// What keeps the client authorized, if something does.
    pub(super) fn authorizer(&self) -> Option<&Authorizer> {
        self.shared.http.authorizer()
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
    pub(super) async fn call(&self, inner: &Inner, call: &Call, params: Params<'_>) -> Result<RawJson> {
        let shared = &self.shared;
        let mut closed = shared.closed.subscribe();
        if *closed.borrow() {
            return Err(CallError::Unsent(CloseReason::Local).into());
        }
        let asking = Asking::new(shared, inner, call, params);
        let answer = within(asking.patience(), asking.started(), || asking.last_heard(), asking.run());
        let error = tokio::select! {
            biased;
            answer = answer => match answer {
                Ok(outcome) => return outcome,
                Err(timeout) => timeout,
            },
            _ = closed.wait_for(|closed| *closed) => CallError::Closed(CloseReason::Local),
        };
        Err(asking.failed(error.into()))
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

    /// Tells the server that a request of the handshake era is no longer waited for, by way of the layers if there are some.
    fn cancel(self: &Arc<Self>, id: i64) {
        let (method, params) = (Method::Cancelled, cancelled(id));
        // By the time that layers let it go, there may be another session.
        let standing = self.standing().clone();
        let Some(layers) = self.inbound.layers() else {
            return self.tell_in(standing, method.name(), &params);
        };
        let notification = self.inbound.outgoing(method.into(), params, Id::Notification, None);
        let (shared, standing_then) = (Arc::downgrade(self), standing.clone());
        let later = move |notification: LayerRequest| {
            if let Some(shared) = shared.upgrade() {
                shared.tell_in(standing_then, notification.method(), notification.params());
            }
        };
        if let Some(notification) = layers.admit(notification, &self.runtime, later).now() {
            self.tell_in(standing, notification.method(), notification.params());
        }
    }

    /// The same when the client closes, for all that is in flight. What layers hold up is waited for, but not for long.
    async fn cancel_all(&self) {
        let standing = self.standing().clone();
        let cancel_each = async {
            for id in self.flights.take() {
                if let Some(params) = self.inbound.let_out(Method::Cancelled, cancelled(id)).await {
                    self.tell_in(standing.clone(), Method::Cancelled.name(), &params);
                }
            }
        };
        if tokio::time::timeout(LAST_POSTS, cancel_each).await.is_err() {
            tracing::debug!("layers hold up cancellations, and the client closes without them");
        }
    }

    /// Tells the server something in a session, when its turn comes.
    fn tell_in(&self, standing: Standing, method: &str, params: &RawJson) {
        let mut body = Vec::new();
        write_notification(&mut body, method, |out| out.extend_from_slice(params.as_bytes()));
        self.post_in(standing, method.to_owned().into(), body.into());
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
        let standing = self.standing().clone();
        self.post_in(standing, method.into(), body);
    }

    fn post_in(&self, standing: Standing, method: Cow<'static, str>, body: Bytes) {
        self.posts.push(Post { standing, method, body }, &self.http, &self.runtime);
    }

    /// Ends everything, in the order in which a server can follow.
    async fn end(&self) {
        self.cancel_all().await;
        self.posts.close(LAST_POSTS).await;
        let mut last = mem::take(&mut *self.standing());
        loop {
            if last.session.is_some() {
                self.http.delete_session(last.head("")).await;
            }
            // A session may just have been opened that nobody needs any more.
            match self.renewal.abandoned().await {
                Some(standing) => last = standing,
                None => break,
            }
        }
        self.http.close().await;
    }
}

/// The parameters that cancel a request.
fn cancelled(id: i64) -> RawJson {
    RawJson::from_written(format!(r#"{{"requestId":{id},"reason":"the caller no longer waits"}}"#))
}

/// The progress of the call with this token.
fn progress_of(notification: &Notification, token: i64) -> Option<ProgressParams> {
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
