use std::sync::Arc;
use std::time::Duration;

use super::HttpOptions;
use crate::store::EventStore;

/// How the streams of sessions outlive their connections.
pub(super) struct Resumption {
    pub(super) store: Arc<dyn EventStore>,
    /// How long a client waits before it comes back.
    pub(super) retry: Duration,
}

impl Resumption {
    pub(super) fn new(options: &HttpOptions) -> Option<Self> {
        let store = options.event_store.clone()?;
        Some(Self { store, retry: options.retry })
    }
}
