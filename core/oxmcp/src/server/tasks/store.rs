use std::time::Duration;

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::ErrorObject;

use crate::store::{StoredTask, TaskPage, TaskStore, settle};
use crate::{Error, Result};

/// Where tasks are kept, behind a guard: it takes no longer than it may, and its panics are errors.
#[derive(Clone, Copy)]
pub(super) struct Store<'a> {
    store: &'a dyn TaskStore,
    patience: Duration,
}

impl<'a> Store<'a> {
    pub(super) fn new(store: &'a dyn TaskStore, patience: Duration) -> Self {
        Self { store, patience }
    }

    /// Keeps a new task. The outer error is that the store said nothing: then it may have kept it all the same.
    pub(super) async fn create(self, task: StoredTask) -> Result<Result<()>> {
        settle(self.patience, || self.store.create(task)).await
    }

    pub(super) async fn update(self, task: StoredTask) -> Result<()> {
        self.settle(|| self.store.update(task)).await
    }

    pub(super) async fn find(self, id: &str) -> Result<Option<StoredTask>> {
        self.settle(|| self.store.find(id)).await
    }

    pub(super) async fn list(self, owner: &str, cursor: Option<&str>, limit: usize) -> Result<TaskPage> {
        self.settle(|| self.store.list(owner, cursor, limit)).await
    }

    /// Forgets a task. That it could not is logged.
    pub(super) async fn remove(self, id: &str) {
        logged(self.settle(|| self.store.remove(id)).await);
    }

    /// Keeps how a task stands. That it could not is logged, and no reason to give up the work.
    pub(super) async fn keep(self, task: StoredTask) {
        logged(self.update(task).await);
    }

    async fn settle<T>(self, call: impl FnOnce() -> BoxFuture<'a, Result<T>>) -> Result<T> {
        settle(self.patience, call).await.flatten()
    }
}

fn logged(kept: Result<()>) {
    if let Err(error) = kept {
        tracing::error!(%error, "how a task stands could not be kept");
    }
}

/// What a client gets when the store fails.
pub(super) fn not_kept(error: &Error) -> ErrorObject {
    tracing::error!(%error, "the store of tasks failed");
    ErrorObject::internal("the server's store of tasks failed")
}
