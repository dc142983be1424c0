use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The naps of a server: how many have begun, and how many of them were broken off by their callers.
#[derive(Clone, Default)]
pub(crate) struct Naps {
    begun: Arc<AtomicUsize>,
    abandoned: Arc<AtomicUsize>,
}

impl Naps {
    /// What the tool `naps` says.
    pub(crate) fn text(&self) -> String {
        let count = |it: &AtomicUsize| it.load(Ordering::SeqCst);
        format!("{} begun, {} abandoned", count(&self.begun), count(&self.abandoned))
    }

    /// A nap that begins. It is abandoned when it is dropped.
    pub(crate) fn nap(&self) -> Nap {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Nap(self.clone())
    }
}

/// See [`Naps::nap`].
pub(crate) struct Nap(Naps);

impl Drop for Nap {
    fn drop(&mut self) {
        self.0.abandoned.fetch_add(1, Ordering::SeqCst);
    }
}
