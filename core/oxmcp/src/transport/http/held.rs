use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::budget::Budget;

/// The bytes of one message that count until it is dropped.
pub(super) struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Held {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: budget.clone(), bytes: 0 }
    }

    /// Holds so many bytes from now on, if there is room for what is new. There always is for the only message.
    pub(super) fn grow_to(&mut self, bytes: usize) -> bool {
        let new = bytes.saturating_sub(self.bytes);
        let before = self.budget.bytes.fetch_add(new, Ordering::Relaxed);
        let has_room = before == self.bytes || before.saturating_add(new) <= self.budget.max_bytes;
        match has_room {
            true => self.bytes += new,
            false => drop(self.budget.bytes.fetch_sub(new, Ordering::Relaxed)),
        }
        has_room
    }

    /// The message with its bytes, which count until the last part of it is dropped, wherever that has gone.
    pub(super) fn with(self, message: Bytes) -> Bytes {
        Bytes::from_owner(HeldMessage { message, _held: self })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct HeldMessage {
    message: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for HeldMessage {
    fn as_ref(&self) -> &[u8] {
        &self.message
    }
}
