use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Tasks;

/// Tasks of a store that are forgotten at a time.
const PAGE: usize = 100;

/// So often at most, because the pages of a store may have no end.
const MAX_PAGES: usize = 1000;

impl Tasks {
    /// Ends the tasks of a session that is over. Nobody could ask for them: a session's tasks are its own, and its key was never shown.
    pub(in crate::server) fn end_session(self: &Arc<Self>, session: &str, patience: Duration) {
        let owner = Some(session.to_owned());
        let abandoned = self.at_work().of(&owner);
        for running in abandoned {
            running.abandon();
        }
        // Without a runtime the program ends, and its stores see to themselves.
        let (Ok(runtime), Some(session)) = (Handle::try_current(), owner) else { return };
        let tasks = self.clone();
        runtime.spawn(async move { tasks.forget_session(&session, patience).await });
    }

    /// Forgets what is kept of a session's tasks.
    async fn forget_session(&self, session: &str, patience: Duration) {
        let store = self.store(patience);
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page = match store.list(session, cursor.as_deref(), PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    return tracing::error!(%error, "the tasks of a session that is over are still kept");
                }
            };
            for task in &page.tasks {
                store.remove(&task.id).await;
            }
            match page.next.filter(|next| cursor.as_ref() != Some(next) && !page.tasks.is_empty()) {
                Some(next) => cursor = Some(next),
                None => return,
            }
        }
        tracing::error!("the store lists more tasks of a session that is over than there can be");
    }
}
