use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RequestId};
use oxmcp_proto::model::{Implementation, Progress, ProgressParams};
use oxmcp_proto::{Era, Method, ProtocolVersion};

use super::incoming::Incoming;
use super::input::Rounds;
use super::tasks::Slot;
use super::{Core, Outcome, Peer};
use crate::Limits;
use crate::auth::AuthInfo;

/// What a handler knows of the request it serves, and how it talks back while it works. A clone is the same context.
///
/// When the caller cancels, or is gone where that means the same, the handler's future is dropped; nothing of it runs
/// after that.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    incoming: Incoming,
    /// The bits of the last progress; it must grow.
    last_progress: AtomicU64,
    peer: Arc<dyn Peer>,
    rounds: Rounds,
    /// For a call that may become a task.
    task: Option<Arc<Slot>>,
}

impl Context {
    /// The context of a request whose handler may ask for input: run it with [`input::run`](super::input::run). Fails when the request says
    /// that it goes on with another, and does not.
    pub(super) fn open(
        core: &Arc<Core>,
        method: Method,
        incoming: Incoming,
        peer: Arc<dyn Peer>,
    ) -> Result<Self, ErrorObject> {
        let rounds = match &incoming.retry {
            Some(retry) => Rounds::resume(core, method, &incoming, retry)?,
            None => Rounds::of(method),
        };
        Ok(Self::new(core, incoming, peer, rounds))
    }

    /// The context of a request that cannot be answered with a question for input, so that in the stateless era its handler cannot ask.
    pub(super) fn without_input(core: &Arc<Core>, incoming: Incoming, peer: Arc<dyn Peer>) -> Self {
        Self::new(core, incoming, peer, Rounds::none())
    }

    fn new(core: &Arc<Core>, incoming: Incoming, peer: Arc<dyn Peer>, rounds: Rounds) -> Self {
        let last_progress = AtomicU64::new(f64::NEG_INFINITY.to_bits());
        let inner = Inner { core: core.clone(), incoming, last_progress, peer, rounds, task: None };
        Self { inner: Arc::new(inner) }
    }

    /// The same for a call that may become a task. Only before it is cloned.
    pub(super) fn with_task(mut self, slot: Arc<Slot>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.task = Some(slot);
        }
        self
    }

    pub(super) fn task_slot(&self) -> Option<&Slot> {
        self.inner.task.as_deref()
    }

    pub(super) fn incoming(&self) -> &Incoming {
        &self.inner.incoming
    }

    /// The id of the request on the wire.
    pub fn request_id(&self) -> &RequestId {
        &self.inner.incoming.id
    }

    /// The revision the request is in.
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.inner.incoming.version
    }

    /// Who the client says it is. Self-reported: for display and logs.
    pub fn client_info(&self) -> Option<Implementation> {
        self.inner.incoming.client.info()?.to().ok()
    }

    /// Who the client says it is, as JSON.
    pub fn client_info_json(&self) -> Option<&RawJson> {
        self.inner.incoming.client.info()
    }

    /// What the client can do, as JSON. It can be asked for nothing else.
    pub fn client_capabilities_json(&self) -> Option<&RawJson> {
        self.inner.incoming.client.capabilities()
    }

    /// The `_meta` of the request, as JSON.
    pub fn meta(&self) -> Option<&RawJson> {
        self.inner.incoming.meta.as_ref()
    }

    /// Who asks, as the access token says that came with the request: only of a server that is [protected](crate::auth::Protection), over HTTP.
    pub fn auth(&self) -> Option<&AuthInfo> {
        self.inner.incoming.auth.as_deref()
    }

    /// Whether the caller wants progress.
    pub fn wants_progress(&self) -> bool {
        self.inner.incoming.progress_token.is_some() || self.task().is_some()
    }

    /// Tells the caller how far the work has come (2026-07-28, patterns, progress). `progress` must grow from report to report;
    /// one that does not is left out. False when it was not sent, because nobody asked for it, nobody waits any more, or nobody
    /// keeps up. What a [layer](crate::layer) stops or holds up counts as sent.
    pub fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) -> bool {
        if let Some(task) = self.task() {
            // A task has no request that progress could go with; its status says it (SEP-2663, "Task Status Notifications").
            return message.is_some_and(|message| task.say(message));
        }
        let Some(token) = &self.inner.incoming.progress_token else { return false };
        if !self.grows(progress) {
            return false;
        }
        let message = message.map(str::to_owned);
        let params = ProgressParams::new(token.clone(), Progress { progress, total, message });
        match serde_json::to_vec(&params) {
            Ok(params) => self.inner.peer.notify(Method::Progress, &params),
            Err(_) => false,
        }
    }

    /// Closes the HTTP connection on which the client waits, without ending the request: the client comes back for the answer after
    /// [`HttpOptions::retry`](crate::transport::HttpOptions::retry), so that no connection stays open while the work takes long
    /// (2025-11-25, transports, "Sending Messages to the Server"). What is sent meanwhile is kept for it in
    /// [`HttpOptions::event_store`](crate::transport::HttpOptions::event_store).
    ///
    /// False, and nothing happens, when the client would not come back: over other transports, in other revisions than 2025-11-25, without
    /// an event store, when the client takes no event streams, and when the connection is lost or closed already.
    ///
    /// ```
    /// # use oxmcp::{Context, Server};
    /// # use oxmcp::server::Arguments;
    /// # async fn compute() -> String { "42".into() }
    /// let server = Server::new("demo", "1.0.0").tool("compute", "Take long.", |_: Arguments, context: Context| async move {
    ///     context.close_stream();
    ///     compute().await
    /// });
    /// ```
    pub fn close_stream(&self) -> bool {
        self.inner.peer.close_stream()
    }

    pub(super) fn era(&self) -> Era {
        self.inner.incoming.version.era()
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.inner.core.limits
    }

    pub(super) fn peer(&self) -> &Arc<dyn Peer> {
        &self.inner.peer
    }

    pub(super) fn rounds(&self) -> &Rounds {
        &self.inner.rounds
    }

    /// The answer that asks the client for what the handler waits for, if that is all it waits for.
    pub(super) fn required(&self) -> Option<Outcome> {
        let Inner { core, incoming, rounds, .. } = &*self.inner;
        rounds.required(core, incoming)
    }

    fn grows(&self, progress: f64) -> bool {
        // NaN and infinity have no JSON.
        progress.is_finite()
            && self
                .inner
                .last_progress
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                    (progress > f64::from_bits(last)).then_some(progress.to_bits())
                })
                .is_ok()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("request_id", &self.inner.incoming.id)
            .field("version", &self.inner.incoming.version)
            .finish_non_exhaustive()
    }
}
