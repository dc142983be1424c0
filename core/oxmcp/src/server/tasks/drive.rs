use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::TaskStatus;
use serde::Deserialize;
use tokio::time::Instant;

use super::Tasks;
use super::form::Form;
use super::running::Running;
use crate::server::Outcome;
use crate::store::StoredTask;

/// A task's place among those that this process works on. It is given back when this is dropped.
pub(super) struct Place {
    tasks: Arc<Tasks>,
    pub(super) running: Arc<Running>,
}

impl Place {
    /// Takes a place, if there are fewer than `limit`.
    pub(super) fn take(tasks: &Arc<Tasks>, limit: usize, running: impl FnOnce() -> Running) -> Option<Self> {
        let mut places = tasks.running();
        if places.len() >= limit {
            return None;
        }
        let running = Arc::new(running());
        places.insert(running.id().to_owned(), running.clone());
        drop(places);
        Some(Self { tasks: tasks.clone(), running })
    }

    /// Does the work of a task that the store has, until it is over, and keeps what comes of it.
    pub(super) async fn work(self, work: BoxFuture<'static, Outcome>, form: Form, due: Instant) {
        let mut work = Some(work);
        let mut expiry = std::pin::pin!(tokio::time::sleep_until(due));
        let outcome = loop {
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
                self.running.news().map_or(Poll::Pending, |news| Poll::Ready(Turn::News(news)))
            });
            match turn.await {
                Turn::News(task) => self.keep(task).await,
                Turn::Done(outcome) => break outcome,
                Turn::Cancelled => {
                    drop(work.take());
                    return self.keep(self.running.snapshot()).await;
                }
                Turn::Expired => {
                    tracing::warn!(task = self.running.id(), "a task's time was up before its work was done");
                    drop(work.take());
                    self.running.cancel();
                    // The store forgets what it keeps at about this moment by itself.
                    return forgotten(self.tasks.store.remove(self.running.id()).await);
                }
            }
        };
        drop(work);
        self.end(outcome, form).await;
    }

    /// Keeps how the task stands. That it could not be kept is no reason to give up the work.
    async fn keep(&self, task: StoredTask) {
        forgotten(self.tasks.store.update(task).await);
    }

    async fn end(&self, outcome: Outcome, form: Form) {
        let (status, message) = (form.status_of(&outcome), words_of(&outcome, form));
        let Some(task) = self.running.begin_end(status, message, outcome) else {
            // It was cancelled while the work ended.
            return self.keep(self.running.snapshot()).await;
        };
        match self.tasks.store.update(task.clone()).await {
            Ok(()) => self.running.end(task),
            Err(error) => {
                tracing::error!(%error, "what came of a task could not be kept");
                let why = "what came of the task could not be kept".to_owned();
                let outcome = Some(Err(ErrorObject::internal(why.clone())));
                let failed = StoredTask { status: TaskStatus::Failed, message: Some(why), outcome, ..task };
                self.keep(failed.clone()).await;
                self.running.end(failed);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Work that panicked while it was dropped, or a runtime that ends, leaves nobody waiting.
        self.running.cancel();
        self.tasks.running().remove(self.running.id());
    }
}

enum Turn {
    News(StoredTask),
    Done(Outcome),
    Cancelled,
    Expired,
}

fn forgotten(kept: crate::Result<()>) {
    if let Err(error) = kept {
        tracing::error!(%error, "how a task stands could not be kept");
    }
}

/// What to say of a task that is over: why it failed, if it did.
fn words_of(outcome: &Result<RawJson, ErrorObject>, form: Form) -> Option<String> {
    match outcome {
        Err(error) => Some(error.message.clone()),
        Ok(result) if form.status_of(outcome) == TaskStatus::Failed => first_text(result),
        Ok(_) => None,
    }
}

/// The first text of a tool's result.
fn first_text(result: &RawJson) -> Option<String> {
    #[derive(Deserialize)]
    struct Result {
        content: Vec<Block>,
    }
    #[derive(Deserialize)]
    struct Block {
        text: Option<String>,
    }
    result.to::<Result>().ok()?.content.into_iter().find_map(|block| block.text)
}
