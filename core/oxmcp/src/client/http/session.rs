use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use oxmcp_proto::jsonrpc::Notification;
use oxmcp_proto::negotiation::Offer;
use oxmcp_proto::{Method, ProtocolVersion};
use tokio::sync::oneshot;

use super::Shared;
use crate::transport::http::Head;
use crate::{Error, ErrorKind, Result};

/// What the negotiation came to, as every later request says it.
#[derive(Clone, Default)]
pub(super) struct Standing {
    /// The revision, once there is one.
    pub(super) version: Option<ProtocolVersion>,
    /// The session, in the handshake era, if the server keeps one.
    pub(super) session: Option<HeaderValue>,
}

impl Standing {
    pub(super) fn head<'a>(&'a self, method: &'a str) -> Head<'a> {
        Head { version: self.version, method, session: self.session.as_ref(), ..Head::default() }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The capabilities that stand for lists, each with what tells that they changed.
const LISTS: [(&str, Method); 3] = [
    ("tools", Method::ToolListChanged),
    ("resources", Method::ResourceListChanged),
    ("prompts", Method::PromptListChanged),
];

/// The way to a new session, when the server has ended the one there was.
pub(super) struct Renewal {
    /// What the client said of itself in the first.
    offer: Offer,
    /// How long it may take.
    patience: Duration,
    /// The renewals that are over.
    finished: AtomicU64,
    /// What the last one came to. Whoever renews holds it.
    last: tokio::sync::Mutex<Result<(), NoSession>>,
    /// Sessions that were opened and are of no use.
    abandoned: Mutex<Vec<Standing>>,
}

/// Why there is no new session.
#[derive(Clone, Debug)]
pub(in crate::client) struct NoSession {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
    pub(super) may_pass: bool,
}

impl From<Error> for NoSession {
    fn from(error: Error) -> Self {
        Self { kind: error.kind(), message: error.to_string(), may_pass: error.may_pass() }
    }
}

impl Renewal {
    pub(super) fn new(offer: Offer, patience: Duration) -> Self {
        let last = tokio::sync::Mutex::new(Ok(()));
        Self { offer, patience, finished: AtomicU64::new(0), last, abandoned: Mutex::default() }
    }

    /// A session that is of no use, when no renewal is under way any more.
    pub(super) async fn abandoned(&self) -> Option<Standing> {
        let _last = self.last.lock().await;
        lock(&self.abandoned).pop()
    }
}

impl Shared {
    /// Opens a new session in place of the one that the server has ended (2025-11-25, transports, "Session Management"), of the same
    /// revision. However many find out at once, one renews and all hear of it. It goes on when nobody waits for it any more.
    pub(super) async fn renew(self: &Arc<Self>, lost: &Standing) -> Result<(), NoSession> {
        let (tell, told) = oneshot::channel();
        let (shared, lost) = (self.clone(), lost.session.clone());
        let finished = self.renewal.finished.load(Ordering::Acquire);
        self.spawn(async move {
            let renewal = &shared.renewal;
            let mut last = renewal.last.lock().await;
            let is_over = renewal.finished.load(Ordering::Acquire) != finished;
            let outcome = if lock(&shared.standing).session != lost {
                Ok(())
            } else if is_over {
                last.clone()
            } else {
                let renewed = tokio::time::timeout(renewal.patience, shared.open_session()).await;
                let renewed = renewed.unwrap_or_else(|_| {
                    let message = format!("the server did not open one within {:?}", renewal.patience);
                    Err(Error::new(ErrorKind::Timeout, message))
                });
                *last = renewed.map_err(NoSession::from);
                renewal.finished.fetch_add(1, Ordering::Release);
                last.clone()
            };
            // Whoever asked may have given up.
            let _ = tell.send(outcome);
        });
        told.await.unwrap_or_else(|_| {
            let message = "this client is closed".to_owned();
            Err(NoSession { kind: ErrorKind::Closed, message, may_pass: false })
        })
    }

    async fn open_session(self: &Arc<Self>) -> Result<()> {
        let only = lock(&self.standing).version;
        let offer = Offer { only, ..self.renewal.offer.clone() };
        let opening = Opening { shared: self, standing: Mutex::default() };
        let negotiated = self.negotiate(&offer, self.renewal.patience, &opening.standing).await;
        let negotiated = negotiated.map_err(|refused| refused.error)?.negotiated;
        let standing = mem::take(&mut *lock(&opening.standing));
        *lock(&self.standing) = standing.clone();
        self.restore(standing);
        // It may be another server by now, or what changed meanwhile was not told.
        for (capability, method) in LISTS {
            if negotiated.capabilities.declares(&[capability]) {
                self.inbound.notified(Notification { method: method.into(), params: None });
            }
        }
        Ok(())
    }
}

/// A session that is being opened. If nothing comes of it, it is ended.
struct Opening<'a> {
    shared: &'a Arc<Shared>,
    standing: Mutex<Standing>,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let standing = mem::take(&mut *lock(&self.standing));
        if standing.session.is_some() {
            let shared = self.shared.clone();
            lock(&shared.renewal.abandoned).push(standing.clone());
            // A client that closes meanwhile finds it there.
            self.shared.spawn(async move {
                shared.http.delete_session(standing.head("")).await;
                lock(&shared.renewal.abandoned).retain(|other| other.session != standing.session);
            });
        }
    }
}
