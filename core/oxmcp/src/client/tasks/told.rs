use std::sync::{Mutex, MutexGuard, PoisonError};

use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::TaskStatus;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use tokio::sync::watch;

/// Who follows which task of the server, to hear when it tells that one stands differently (2025-11-25, tasks, "Task Status
/// Notification"). Nobody relies on that: whoever follows a task asks from time to time anyway.
#[derive(Default)]
pub(in crate::client) struct Told(Mutex<FxHashMap<String, watch::Sender<()>>>);

impl Told {
    /// Begins to hear of a task. What is told from now on is heard.
    pub(super) fn follow(&self, id: &str) -> Follower<'_> {
        let mut followed = self.followed();
        let changes = match followed.get(id) {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, changes) = watch::channel(());
                followed.insert(id.to_owned(), sender);
                changes
            }
        };
        Follower { told: self, id: id.to_owned(), changes: Some(changes) }
    }

    /// Takes `notifications/tasks/status`. Whoever follows the task asks how it stands, which says more than a notification may.
    pub(in crate::client) fn heard(&self, params: &RawJson) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Stands {
            task_id: String,
            status: TaskStatus,
        }
        match params.to::<Stands>() {
            // It is worked on as before: nothing to do before the next look.
            Ok(Stands { status: TaskStatus::Working, .. }) => {}
            Ok(Stands { task_id, .. }) => {
                if let Some(sender) = self.followed().get(&task_id) {
                    sender.send_modify(|()| ());
                }
            }
            Err(error) => tracing::debug!(%error, "the status of a task that cannot be read"),
        }
    }

    fn followed(&self) -> MutexGuard<'_, FxHashMap<String, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who follows a task, until it is dropped.
pub(super) struct Follower<'a> {
    told: &'a Told,
    id: String,
    /// Taken when it is dropped.
    changes: Option<watch::Receiver<()>>,
}

impl Follower<'_> {
    /// Waits until the server has told of a change since the last time this ended.
    pub(super) async fn told(&mut self) {
        let told = match &mut self.changes {
            Some(changes) => changes.changed().await.is_ok(),
            None => false,
        };
        // Its sender stays where it is as long as this does.
        if !told {
            std::future::pending().await
        }
    }
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        let mut followed = self.told.followed();
        self.changes = None;
        if followed.get(&self.id).is_some_and(|sender| sender.receiver_count() == 0) {
            followed.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn stands(id: &str, status: &str) -> RawJson {
        RawJson::of(&serde_json::json!({"taskId": id, "status": status})).unwrap()
    }

    #[test]
    fn whoever_follows_a_task_hears_of_it_alone_and_is_forgotten_afterwards() {
        let told = Told::default();
        let (mut one, mut two, mut other) = (told.follow("a"), told.follow("a"), told.follow("b"));
        told.heard(&stands("a", "working"));
        told.heard(&stands("c", "completed"));
        told.heard(&RawJson::empty_object());
        assert!(one.told().now_or_never().is_none());
        told.heard(&stands("a", "input_required"));
        told.heard(&stands("a", "completed"));
        assert!(one.told().now_or_never().is_some() && two.told().now_or_never().is_some());
        assert!(one.told().now_or_never().is_none() && other.told().now_or_never().is_none());
        drop(one);
        told.heard(&stands("a", "failed"));
        assert!(two.told().now_or_never().is_some());
        drop((two, other));
        assert!(told.followed().is_empty());
    }
}
