use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::drive::Place;
use super::running::Running;
use crate::Result;
use crate::store::StoredTask;

/// A task that the store gets, or has, and of which its client has not heard. Dropping this makes the store forget it, because nobody else
/// could. Until that is done the task keeps its place, so that no client fills a slow store with calls that it gives up.
pub(super) struct Draft {
    place: Arc<Place>,
    /// What gives it to the store, until that is done.
    creating: Option<BoxFuture<'static, Creation>>,
    /// Whether the store may have it, and has to forget it.
    may_be_kept: bool,
}

/// What a store said to a new task. The outer error is that it said nothing.
type Creation = Result<Result<()>>;

impl Draft {
    pub(super) fn new(place: Place) -> Self {
        Self { place: Arc::new(place), creating: None, may_be_kept: false }
    }

    /// Makes it a task that the store has.
    pub(super) async fn create(&mut self) -> Result<StoredTask> {
        let task = self.place.running.snapshot();
        let (place, new) = (self.place.clone(), task.clone());
        let creating = self.creating.insert(async move { place.store().create(new).await }.boxed());
        self.may_be_kept = true;
        let created = creating.await;
        self.creating = None;
        // Where the store said nothing, nobody knows.
        self.may_be_kept = !matches!(created, Ok(Err(_)));
        created.flatten().map(|()| task)
    }

    pub(super) fn running(&self) -> Arc<Running> {
        self.place.running.clone()
    }

    /// Its client hears of it.
    pub(super) fn publish(mut self) -> Arc<Place> {
        self.may_be_kept = false;
        self.place.clone()
    }

    /// Makes the store forget it, and waits for that.
    pub(super) async fn take_back(mut self) {
        if let Some(forgetting) = self.forget() {
            // That it could not is logged.
            let _ = forgetting.await;
        }
    }

    /// Makes the store forget it, if it may have it: what has begun to be kept is kept first, because nobody knows how far that has come.
    fn forget(&mut self) -> Option<JoinHandle<()>> {
        if !std::mem::take(&mut self.may_be_kept) {
            return None;
        }
        self.place.running.cancel();
        // Without a runtime the program ends, and its stores see to themselves.
        let runtime = Handle::try_current().ok()?;
        let (place, creating) = (self.place.clone(), self.creating.take());
        Some(runtime.spawn(async move {
            if let Some(creating) = creating
                && let Ok(Err(_)) = creating.await
            {
                return;
            }
            place.store().remove(place.running.id()).await;
        }))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.forget();
    }
}
