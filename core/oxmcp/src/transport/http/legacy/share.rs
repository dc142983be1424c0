use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::transport::http::budget::{Admission, Budget};
use crate::transport::http::held::Held;
use crate::transport::http::receive::SMALL;

/// What the requests of one client take of the budget of its endpoint.
pub(super) struct Share {
    budget: Arc<Budget>,
    taken: Arc<Taken>,
}

#[derive(Default)]
struct Taken {
    requests: AtomicUsize,
    bytes: AtomicUsize,
}

/// What one request takes, until it is dropped.
pub(super) struct Portion {
    taken: Arc<Taken>,
    bytes: usize,
    _admission: Admission,
    _held: Held,
}

impl Share {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self { budget, taken: Arc::default() }
    }

    /// Counts a request in whose parameters have `size` bytes.
    ///
    /// # Errors
    ///
    /// Of what there is too much.
    pub(super) fn take(&self, size: usize) -> Result<Portion, String> {
        let others = self.taken.requests.load(Ordering::Relaxed);
        let other_bytes = self.taken.bytes.load(Ordering::Relaxed);
        let Some(admission) = self.budget.admit(others) else { return Err(self.budget.too_many()) };
        let bytes = if size > SMALL { size } else { 0 };
        let mut held = Held::new(&self.budget);
        if bytes > 0 && !(held.grow_to(bytes) && self.budget.has_room_beside(other_bytes)) {
            return Err(self.budget.too_large());
        }
        self.taken.requests.fetch_add(1, Ordering::Relaxed);
        self.taken.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(Portion { taken: self.taken.clone(), bytes, _admission: admission, _held: held })
    }
}

impl Drop for Portion {
    fn drop(&mut self) {
        self.taken.requests.fetch_sub(1, Ordering::Relaxed);
        self.taken.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
