use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::running::Running;
use crate::Limits;

/// The tasks that this process works on. One client cannot take the places of all.
#[derive(Default)]
pub(super) struct AtWork {
    by_id: FxHashMap<String, Arc<Running>>,
    /// How many there are of each owner that has some.
    of_owner: FxHashMap<Option<String>, usize>,
}

impl AtWork {
    /// Adds a task, if there is room for one more of its owner's.
    pub(super) fn add(&mut self, running: &Arc<Running>, limits: &Limits) -> bool {
        let of_owner = self.of_owner.get(running.owner()).copied().unwrap_or_default();
        if self.by_id.len() >= limits.tasks || of_owner >= limits.client_tasks {
            return false;
        }
        self.of_owner.insert(running.owner().clone(), of_owner + 1);
        self.by_id.insert(running.id().to_owned(), running.clone());
        true
    }

    pub(super) fn remove(&mut self, id: &str) {
        let Some(running) = self.by_id.remove(id) else { return };
        if let Some(count) = self.of_owner.get_mut(running.owner()) {
            *count -= 1;
            if *count == 0 {
                self.of_owner.remove(running.owner());
            }
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Running>> {
        self.by_id.get(id).cloned()
    }

    /// The tasks of an owner.
    pub(super) fn of(&self, owner: &Option<String>) -> Vec<Arc<Running>> {
        if !self.of_owner.contains_key(owner) {
            return Vec::new();
        }
        self.by_id.values().filter(|running| running.owner() == owner).cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}
