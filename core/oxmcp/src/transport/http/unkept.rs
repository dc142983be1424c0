use std::collections::VecDeque;
use std::sync::Arc;

use super::session::InFlight;
use crate::store::StoredEvent;

/// What the event store does not know of a stream yet, in order.
#[derive(Default)]
pub(super) struct Unkept {
    changes: VecDeque<Change>,
    /// Bytes of the messages among them.
    bytes: usize,
    /// Whether somebody tells the store of the first of them right now.
    is_telling: bool,
    /// What waits until the store knows everything.
    pub(super) awaiting: Option<Arc<InFlight>>,
}

/// What the store is to be told.
#[derive(Clone)]
pub(super) enum Change {
    /// The stream has another event.
    Event(StoredEvent),
    /// Nobody can come back to the stream.
    Forget,
}

impl Unkept {
    pub(super) fn push(&mut self, change: Change) {
        self.bytes += change.size();
        self.changes.push_back(change);
    }

    /// The first change, for whoever tells the store; `None` when there is none, or somebody does that already. It stays here until
    /// [`go_on`](Self::go_on) says that the store knows it.
    pub(super) fn begin(&mut self) -> Option<Change> {
        if self.is_telling {
            return None;
        }
        let first = self.changes.front().cloned();
        self.is_telling = first.is_some();
        first
    }

    /// The store knows the first change. The next one, if there is one.
    pub(super) fn go_on(&mut self) -> Option<Change> {
        if let Some(known) = self.changes.pop_front() {
            self.bytes -= known.size();
        }
        self.is_telling = false;
        self.begin()
    }

    /// The events that the store perhaps does not know.
    pub(super) fn events(&self) -> impl Iterator<Item = &StoredEvent> {
        self.changes.iter().filter_map(|change| match change {
            Change::Event(event) => Some(event),
            Change::Forget => None,
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl Change {
    fn size(&self) -> usize {
        match self {
            Self::Event(event) => event.message.len(),
            Self::Forget => 0,
        }
    }
}
