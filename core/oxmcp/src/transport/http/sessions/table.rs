use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use uuid::Uuid;

use crate::transport::http::session::HttpSession;

/// Sessions by their ids, and in the order in which they go.
///
/// A session is in use while a client waits for something of it, which only looking at it can tell. Those that were found to be in use stand
/// aside, and are looked at again a few at a time, so that making room costs little however many of them there are.
#[derive(Default)]
pub(super) struct Table {
    sessions: FxHashMap<Uuid, Arc<HttpSession>>,
    /// One entry for each session that is not in `busy`, at a moment when it was used; it may have been used since. Entries of sessions that
    /// are gone stay until they come up.
    by_use: BinaryHeap<Reverse<(u64, Uuid)>>,
    /// Sessions that were in use when they were last looked at, that of longest ago first; also those that are gone since.
    busy: VecDeque<Uuid>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// How many places in its order are kept, also for sessions that are gone.
    #[cfg(test)]
    pub(super) fn entries(&self) -> usize {
        self.by_use.len() + self.busy.len()
    }

    pub(super) fn find(&self, id: &Uuid) -> Option<&Arc<HttpSession>> {
        self.sessions.get(id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<HttpSession>> {
        self.sessions.values()
    }

    pub(super) fn insert(&mut self, id: Uuid, session: Arc<HttpSession>) {
        self.by_use.push(Reverse((session.last_use(), id)));
        self.sessions.insert(id, session);
    }

    pub(super) fn remove(&mut self, id: &Uuid) -> Option<Arc<HttpSession>> {
        let session = self.sessions.remove(id)?;
        if self.by_use.len() + self.busy.len() > 2 * self.sessions.len() + 64 {
            let sessions = &self.sessions;
            self.by_use.retain(|Reverse((_, id))| sessions.contains_key(id));
            self.busy.retain(|id| sessions.contains_key(id));
        }
        Some(session)
    }

    /// Takes out the session unused for longest, if its last use was not after `since`. `None` if there is none such, or all are in use as far
    /// as is known.
    pub(super) fn remove_unused(&mut self, since: u64, now: u64) -> Option<Arc<HttpSession>> {
        loop {
            let Reverse((used, id)) = *self.by_use.peek().filter(|Reverse((used, _))| *used <= since)?;
            self.by_use.pop();
            let Some(session) = self.sessions.get(&id) else { continue };
            let last_use = session.last_use();
            if last_use != used {
                self.by_use.push(Reverse((last_use, id)));
            } else if session.is_in_use(now) {
                self.busy.push_back(id);
            } else {
                return self.sessions.remove(&id);
            }
        }
    }

    /// Takes out the session that was looked at longest ago of those that were in use.
    pub(super) fn remove_busy(&mut self) -> Option<Arc<HttpSession>> {
        while let Some(id) = self.busy.pop_front() {
            if let Some(session) = self.sessions.remove(&id) {
                return Some(session);
            }
        }
        None
    }

    /// Looks whether so many of the sessions that were in use still are.
    pub(super) fn look_at_busy(&mut self, looks: usize, now: u64) {
        for _ in 0..looks.min(self.busy.len()) {
            let Some(id) = self.busy.pop_front() else { return };
            let Some(session) = self.sessions.get(&id) else { continue };
            match session.is_in_use(now) {
                true => self.busy.push_back(id),
                false => self.by_use.push(Reverse((session.last_use(), id))),
            }
        }
    }

    /// An eighth of the sessions that were in use.
    pub(super) fn eighth_of_busy(&self) -> usize {
        self.busy.len() / 8
    }

    /// Takes out all.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Arc<HttpSession>> + use<> {
        std::mem::take(self).sessions.into_values()
    }
}
