use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::HttpOptions;
use crate::connection::panic_words;
use crate::store::{EventStore, SessionKey, StoredEvent, StreamId, settle};
use crate::{Limits, Result};

/// How the streams of sessions outlive their connections. Whatever the event store does, its caller goes on.
pub(super) struct Resumption {
    store: Arc<dyn EventStore>,
    /// How long a client waits before it comes back.
    pub(super) retry: Duration,
    /// How long the store may take.
    patience: Duration,
}

impl Resumption {
    pub(super) fn new(options: &HttpOptions, limits: &Limits) -> Option<Self> {
        let store = options.event_store.clone()?;
        Some(Self { store, retry: options.retry, patience: limits.store_wait })
    }

    /// Keeps an event.
    pub(super) fn append(&self, stream: StreamId, event: StoredEvent) {
        survive(|| self.store.append(stream, event));
    }

    /// The events of a stream after one of them.
    pub(super) async fn replay(&self, stream: StreamId, after: u64) -> Result<Vec<StoredEvent>> {
        settle(self.patience, || self.store.replay(stream, after)).await
    }

    /// Forgets a stream.
    pub(super) fn remove(&self, stream: StreamId) {
        survive(|| self.store.remove(stream));
    }

    /// Forgets the streams of a session.
    pub(super) fn remove_session(&self, session: SessionKey) {
        survive(|| self.store.remove_session(session));
    }
}

fn survive(call: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
        tracing::error!(panic = panic_words(&*panic), "the event store panicked");
    }
}
