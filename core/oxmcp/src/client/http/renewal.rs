use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use oxmcp_proto::model::ServerCapabilities;
use oxmcp_proto::negotiation::Offer;
use tokio::sync::oneshot;

use super::Shared;
use super::no_session::NoSession;
use super::standing::{Standing, lock};
use crate::auth::{Effort, within_rest};
use crate::{Error, ErrorKind, Result};

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
    pub(super) async fn renew(self: &Arc<Self>, lost: &Standing, effort: Effort) -> Result<(), NoSession> {
        let (tell, told) = oneshot::channel();
        let (shared, lost) = (self.clone(), lost.session.clone());
        let finished = self.renewal.finished.load(Ordering::Acquire);
        self.spawn(async move {
            let outcome = shared.renew_in_turn(&lost, finished, effort).await;
            // Whoever asked may have given up.
            let _ = tell.send(outcome);
        });
        told.await.unwrap_or_else(|_| {
            let message = "this client is closed".to_owned();
            Err(NoSession { kind: ErrorKind::Closed, message, may_pass: false })
        })
    }

    /// Renews, unless somebody else did after `finished` renewals.
    async fn renew_in_turn(
        self: &Arc<Self>,
        lost: &Option<HeaderValue>,
        finished: u64,
        effort: Effort,
    ) -> Result<(), NoSession> {
        let renewal = &self.renewal;
        let mut last = renewal.last.lock().await;
        if lock(&self.standing).session != *lost {
            return Ok(());
        }
        if renewal.finished.load(Ordering::Acquire) != finished {
            return last.clone();
        }
        let opening = self.open_session(effort);
        let opened = within_rest(self.http.authorizer(), renewal.patience, opening).await;
        let opened = opened.unwrap_or_else(|_| {
            let message = format!("the server did not open one within {:?}", renewal.patience);
            Err(Error::new(ErrorKind::Timeout, message))
        });
        let (outcome, capabilities) = match opened {
            Ok(capabilities) => (Ok(()), Some(capabilities)),
            Err(error) => (Err(NoSession::from(error)), None),
        };
        // Whoever may ask the user fares better than who may not.
        if outcome.is_ok() || effort == Effort::Full {
            *last = outcome.clone();
            renewal.finished.fetch_add(1, Ordering::Release);
        }
        // Whoever is told must find nobody waiting for it.
        drop(last);
        if let Some(capabilities) = capabilities {
            // It may be another server by now, or what changed meanwhile was not told.
            self.inbound.lists_changed(|list| capabilities.declares(&[list]));
        }
        outcome
    }

    /// Gives what the server can do in the new session.
    async fn open_session(self: &Arc<Self>, effort: Effort) -> Result<ServerCapabilities> {
        let only = lock(&self.standing).version;
        let offer = Offer { only, ..self.renewal.offer.clone() };
        let opening = Opening { shared: self, standing: Mutex::default() };
        let negotiated = self.negotiate(&offer, self.renewal.patience, effort, &opening.standing).await;
        let negotiated = negotiated.map_err(|refused| refused.error)?.negotiated;
        let standing = mem::take(&mut *lock(&opening.standing));
        *lock(&self.standing) = standing.clone();
        self.restore(standing);
        Ok(negotiated.capabilities)
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
