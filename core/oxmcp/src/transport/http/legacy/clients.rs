use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::sync::mpsc;
use uuid::Uuid;

/// The clients whose streams are open, and where their messages go.
#[derive(Default)]
pub(super) struct Clients(Mutex<FxHashMap<Uuid, mpsc::Sender<Bytes>>>);

impl Clients {
    pub(super) fn table(&self) -> MutexGuard<'_, FxHashMap<Uuid, mpsc::Sender<Bytes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client's place in the table, until its stream is dropped.
pub(super) struct Client {
    pub(super) clients: Arc<Clients>,
    pub(super) id: Uuid,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.clients.table().remove(&self.id);
    }
}
