use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many naps of a server were broken off by their callers.
#[derive(Clone, Default)]
pub(crate) struct Abandoned(Arc<AtomicUsize>);

impl Abandoned {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// A nap. It is counted when it is dropped.
    pub(crate) fn nap(&self) -> Nap {
        Nap(self.clone())
    }
}

/// See [`Abandoned::nap`].
pub(crate) struct Nap(Abandoned);

impl Drop for Nap {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}
