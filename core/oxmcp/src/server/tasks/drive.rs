use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::TaskStatus;
use serde::Deserialize;
use tokio::time::Instant;

use super::Tasks;
use super::form::Form;
use super::running::Running;
use super::store::Store;
use crate::Limits;
use crate::server::Outcome;
use crate::store::StoredTask;

/// A task's place among those that this process works on. It is given back when this is dropped.
pub(super) struct Place {
    tasks: Arc<Tasks>,
    pub(super) running: Arc<Running>,
    /// How long the store may take.
    patience: Duration,
}

impl Place {
    /// Takes a place, if there are not too many tasks, of all and of its owner.
    pub(super) fn take(tasks: &Arc<Tasks>, limits: &Limits, running: Running) -> Option<Self> {
        let running = Arc::new(running);
        let is_added = tasks.at_work().add(&running, limits);
        is_added.then(|| Self { tasks: tasks.clone(), running, patience: limits.store_wait })
    }

    pub(super) fn store(&self) -> Store<'_> {
        self.tasks.store(self.patience)
    }

    /// Does the work of a task that the store has, until it is over, and keeps what comes of it. Meanwhile the store hears how the task stands;
    /// the work does not wait for it.
    pub(super) async fn work(self: Arc<Self>, work: BoxFuture<'static, Outcome>, form: Form, due: Instant) {
        let mut work = Some(work);
        let mut keeping: Option<BoxFuture<'_, ()>> = None;
        let mut expiry = std::pin::pin!(tokio::time::sleep_until(due));
        let turn = poll_fn(|cx| {
            self.running.worked_on_by(cx.waker());
            if self.running.is_cancelled() {
                return Poll::Ready(Turn::Cancelled);
            }
            if let Some(work) = &mut work
                && let Poll::Ready(outcome) = work.as_mut().poll(cx)
            {
                return Poll::Ready(Turn::Done(outcome));
            }
            if expiry.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Turn::Expired);
            }
            loop {
                if let Some(kept) = &mut keeping {
                    ready!(kept.as_mut().poll(cx));
                }
                keeping = self.running.news().map(|news| self.store().keep(news).boxed());
                if keeping.is_none() {
                    return Poll::Pending;
                }
            }
        })
        .await;
        drop(work);
        // What the store hears last is how the task ended.
        if let Some(kept) = keeping.take() {
            kept.await;
        }
        match turn {
            Turn::Done(outcome) => self.end(outcome, form).await,
            Turn::Cancelled if self.running.is_abandoned() => self.store().remove(self.running.id()).await,
            Turn::Cancelled => self.store().keep(self.running.snapshot()).await,
            Turn::Expired => {
                tracing::warn!(task = self.running.id(), "a task's time was up before its work was done");
                self.running.cancel();
                // The store forgets what it keeps at about this moment by itself.
                self.store().remove(self.running.id()).await;
            }
        }
    }

    async fn end(&self, outcome: Outcome, form: Form) {
        let (status, message) = (form.status_of(&outcome), words_of(&outcome, form));
        let Some(task) = self.running.begin_end(status, message, outcome) else {
            // It was cancelled while the work ended.
            return self.store().keep(self.running.snapshot()).await;
        };
        match self.store().update(task.clone()).await {
            Ok(()) => self.running.end(task),
            Err(error) => {
                tracing::error!(%error, "what came of a task could not be kept");
                let why = "what came of the task could not be kept".to_owned();
                let outcome = Some(Err(ErrorObject::internal(why.clone())));
                let failed = StoredTask { status: TaskStatus::Failed, message: Some(why), outcome, ..task };
                self.store().keep(failed.clone()).await;
                self.running.end(failed);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Work that panicked while it was dropped, or a runtime that ends, leaves nobody waiting.
        self.running.cancel();
        self.tasks.at_work().remove(self.running.id());
    }
}

/// How the work came to its end.
enum Turn {
    Done(Outcome),
    Cancelled,
    Expired,
}

/// What to say of a task that is over: why it failed, if it did.
fn words_of(outcome: &Outcome, form: Form) -> Option<String> {
    match outcome {
        Err(error) => Some(error.message.clone()),
        Ok(result) if form.status_of(outcome) == TaskStatus::Failed => first_text(result),
        Ok(_) => None,
    }
}

/// The first text of a tool's result.
fn first_text(result: &RawJson) -> Option<String> {
    #[derive(Deserialize)]
    struct Content {
        content: Vec<Block>,
    }
    #[derive(Deserialize)]
    struct Block {
        text: Option<String>,
    }
    result.to::<Content>().ok()?.content.into_iter().find_map(|block| block.text)
}
