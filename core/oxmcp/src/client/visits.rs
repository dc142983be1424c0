use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use tokio::sync::Notify;

/// Ids that are remembered.
const MAX_IDS: usize = 1024;

/// The length of an id that is remembered, in bytes.
const MAX_ID: usize = 1024;

/// The pages that a server asked its user to visit, by their `elicitationId`, and which of them are done with (2025-11-25, elicitation,
/// "Completion Notifications"). The oldest are forgotten first.
#[derive(Default)]
pub(super) struct Visits {
    pages: Mutex<Pages>,
    /// Wakes those who wait for a page.
    done: Notify,
}

#[derive(Default)]
struct Pages {
    states: FxHashMap<Box<str>, State>,
    /// The ids, oldest first.
    order: VecDeque<Box<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The user is asked, or is on the way.
    Asked,
    /// The server said that it is done before it asked: over HTTP, the two may overtake each other.
    Early,
    Done,
}

impl Visits {
    /// Takes a page that the user is asked to visit. True if the server said already that it is done.
    pub(super) fn begin(&self, id: &str) -> bool {
        let mut pages = self.pages();
        match pages.states.get_mut(id) {
            Some(state) => {
                let is_early = *state == State::Early;
                // A server may ask again what was done.
                *state = if is_early { State::Done } else { State::Asked };
                is_early
            }
            None => {
                pages.insert(id, State::Asked);
                false
            }
        }
    }

    /// Takes what the server says is done. False if that is to be ignored: the page is unknown, or was done before.
    pub(super) fn complete(&self, id: &str) -> bool {
        let mut pages = self.pages();
        match pages.states.get_mut(id) {
            Some(state @ State::Asked) => {
                *state = State::Done;
                drop(pages);
                self.done.notify_waiters();
                true
            }
            Some(State::Early | State::Done) => false,
            None => {
                pages.insert(id, State::Early);
                false
            }
        }
    }

    /// Waits until all these pages are done.
    pub(super) async fn all_done(&self, ids: &[String]) {
        loop {
            // Made before looking, so that nothing is missed in between.
            let done = self.done.notified();
            if self.are_done(ids) {
                return;
            }
            done.await;
        }
    }

    /// Whether all these pages are done.
    pub(super) fn are_done(&self, ids: &[String]) -> bool {
        let pages = self.pages();
        ids.iter().all(|id| pages.states.get(&**id) == Some(&State::Done))
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn insert(&mut self, id: &str, state: State) {
        if id.len() > MAX_ID {
            return;
        }
        if self.order.len() == MAX_IDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.states.remove(&oldest);
        }
        self.order.push_back(id.into());
        self.states.insert(id.into(), state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_done_once_and_only_if_it_was_asked_for() {
        let visits = Visits::default();
        assert!(!visits.begin("a"));
        assert!(!visits.are_done(&["a".to_owned()]));
        assert!(visits.complete("a"));
        assert!(visits.are_done(&["a".to_owned()]));
        assert!(!visits.complete("a"));
        assert!(!visits.complete("b"));
        assert!(!visits.are_done(&["b".to_owned()]));
        assert!(visits.begin("b"), "what overtook the question counts");
        assert!(visits.are_done(&["a".to_owned(), "b".to_owned()]));
        assert!(!visits.begin("a"), "a server may ask again");
        assert!(!visits.are_done(&["a".to_owned()]));
    }

    #[test]
    fn the_table_is_bounded_in_number_and_length() {
        let visits = Visits::default();
        visits.complete(&"x".repeat(MAX_ID + 1));
        for id in 0..3 * MAX_IDS {
            visits.begin(&id.to_string());
        }
        let pages = visits.pages();
        assert_eq!((pages.states.len(), pages.order.len()), (MAX_IDS, MAX_IDS));
        assert!(pages.states.contains_key(&*(3 * MAX_IDS - 1).to_string()));
    }
}
