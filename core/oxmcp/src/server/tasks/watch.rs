use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, RequestId};
use oxmcp_proto::methods::TASKS_EXTENSION;

use super::form::Form;
use super::running::Running;
use crate::server::extensions::needs_extension;
use crate::server::incoming::Incoming;
use crate::server::subscriptions::write_subscription;
use crate::server::{Core, Peer};
use crate::store::StoredTask;

/// Tasks that a subscription hears of (extension tasks, "Task Status Notifications").
#[derive(Default)]
pub(in crate::server) struct Watched(Vec<Task>);

/// A task in it: how it stood when the subscription began, and who works on it.
struct Task {
    stood: StoredTask,
    running: Option<Arc<Running>>,
}

impl Core {
    /// Finds the tasks that a subscription is to hear of: those that are there and its client's to see.
    ///
    /// # Errors
    ///
    /// The answer to the request, if its client does not say that it knows tasks.
    pub(in crate::server) async fn watch_tasks(
        &self,
        ids: &[String],
        incoming: &Incoming,
    ) -> Result<Watched, ErrorObject> {
        if incoming.client.extension(TASKS_EXTENSION).is_none() {
            return Err(needs_extension(TASKS_EXTENSION));
        }
        let mut watched = Vec::new();
        let limit = if self.tasks.are_offered() { self.limits.resource_subscriptions } else { 0 };
        for id in ids.iter().take(limit) {
            if watched.iter().any(|task: &Task| task.stood.id == *id) {
                continue;
            }
            if let Ok(stood) = self.find_task(id, incoming).await {
                watched.push(Task { stood, running: self.tasks.worked_on(id) });
            }
        }
        Ok(Watched(watched))
    }
}

impl Watched {
    pub(in crate::server) fn ids(&self) -> Vec<String> {
        self.0.iter().map(|task| task.stood.id.clone()).collect()
    }

    /// Tells a client how the tasks stand, now and whenever that has changed, as far as it keeps up, until the future is dropped.
    pub(in crate::server) async fn tell(&self, peer: &dyn Peer, subscription: &RequestId) -> Infallible {
        let mut telling: Vec<_> = self.0.iter().map(|task| Box::pin(task.tell(peer, subscription))).collect();
        // One task polls them all: a peer wakes one only when there is room.
        poll_fn(|cx| {
            telling.retain_mut(|told| told.as_mut().poll(cx).is_pending());
            Poll::Pending
        })
        .await
    }
}

impl Task {
    async fn tell(&self, peer: &dyn Peer, subscription: &RequestId) {
        let Some(running) = &self.running else {
            room(peer).await;
            peer.notify(Method::TaskUpdated, &params(&self.stood, subscription));
            return;
        };
        let mut changes = running.changes();
        loop {
            room(peer).await;
            changes.mark_unchanged();
            let task = running.snapshot();
            // Whoever does not keep up after all asks, or hears of the next change.
            peer.notify(Method::TaskUpdated, &params(&task, subscription));
            if task.status.is_terminal() || changes.changed().await.is_err() {
                return;
            }
        }
    }
}

async fn room(peer: &dyn Peer) {
    poll_fn(|cx| peer.poll_room(cx)).await;
}

fn params(task: &StoredTask, subscription: &RequestId) -> Vec<u8> {
    let mut params = Vec::from(*br#"{"_meta":"#);
    write_subscription(subscription, &mut params);
    params.extend_from_slice(b"},");
    Form::Extension.write_task(task, &mut params);
    Form::Extension.write_details(task, &mut params);
    params.push(b'}');
    params
}
