use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// The right to use a connection: there are only so many, and whoever comes later waits.
pub(crate) struct Turn<'a>(Option<Taken<'a>>);

struct Taken<'a> {
    all: &'a Semaphore,
    permit: Option<SemaphorePermit<'a>>,
}

impl<'a> Turn<'a> {
    /// The turn of an exchange whose answer is not meant to come soon: it holds up no other, nor does another hold it up.
    pub(crate) const BESIDE: Self = Self(None);

    pub(super) fn try_take(all: &'a Semaphore) -> Option<Self> {
        let permit = all.try_acquire().ok()?;
        Some(Self(Some(Taken { all, permit: Some(permit) })))
    }

    pub(super) async fn wait(all: &'a Semaphore) -> Self {
        // It is never closed.
        Self(Some(Taken { all, permit: all.acquire().await.ok() }))
    }

    /// Sleeps, and lets others have the connection meanwhile.
    pub(super) async fn pause(&mut self, pause: Duration) {
        if let Some(taken) = &mut self.0 {
            taken.permit = None;
        }
        tokio::time::sleep(pause).await;
        if let Some(taken) = &mut self.0 {
            taken.permit = taken.all.acquire().await.ok();
        }
    }
}
