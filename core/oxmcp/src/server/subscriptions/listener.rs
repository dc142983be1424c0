use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use oxmcp_proto::Method;
use rustc_hash::FxHashMap;

use super::{Hub, Kinds};
use crate::server::List;

/// Bytes of the URIs that one listener keeps.
const MAX_URI_BYTES: usize = 128 * 1024;

/// Somebody who hears of changes: a session, or a subscription. What it has not been told yet is kept once, however often it changes.
#[derive(Debug)]
pub(crate) struct Listener {
    hub: Weak<Hub>,
    number: u64,
    /// What it wants to hear of.
    kinds: Kinds,
    max_uris: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    changed: Kinds,
    /// The resources it wants to hear of, and whether each has changed.
    uris: FxHashMap<Arc<str>, bool>,
    uri_bytes: usize,
    /// Those that have changed, the first first. One that is no longer wanted may be among them.
    updated: VecDeque<Arc<str>>,
    /// Who tells it, the newest last, each with whom to wake.
    tellers: Vec<(u64, Waker)>,
    next_teller: u64,
}

/// Tells a listener what it hears of. A session can have several streams, each with its own; the newest tells, and when that is gone, the one
/// before it. An older stream may be one that the client has lost and the server does not know of.
pub(super) struct Teller<'a> {
    listener: &'a Listener,
    number: u64,
}

/// One change to tell of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    List(Method),
    Resource(Arc<str>),
}

impl Listener {
    pub(super) fn new(hub: &Arc<Hub>, number: u64, kinds: Kinds, max_uris: usize) -> Self {
        Self { hub: Arc::downgrade(hub), number, kinds, max_uris, state: Mutex::default() }
    }

    pub(super) fn list_changed(&self, list: List) {
        if *self.kinds.clone().of(list) {
            let mut state = self.state();
            *state.changed.of(list) = true;
            wake(state);
        }
    }

    pub(super) fn updated(&self, uri: &str) {
        let mut state = self.state();
        let State { uris, updated, .. } = &mut *state;
        let Some((uri, changed)) = uris.get_key_value(uri) else { return };
        if !changed {
            let uri = uri.clone();
            updated.push_back(uri.clone());
            uris.insert(uri, true);
            wake(state);
        }
    }

    /// Wants to hear of a resource. False when there are too many already.
    pub(super) fn subscribe(&self, uri: &str) -> bool {
        let mut state = self.state();
        if state.uris.contains_key(uri) {
            return true;
        }
        if state.uris.len() >= self.max_uris || state.uri_bytes + uri.len() > MAX_URI_BYTES {
            return false;
        }
        state.uri_bytes += uri.len();
        state.uris.insert(uri.into(), false);
        true
    }

    /// No longer wants to hear of a resource.
    pub(super) fn unsubscribe(&self, uri: &str) {
        let mut state = self.state();
        if let Some(changed) = state.uris.remove(uri) {
            state.uri_bytes -= uri.len();
            if changed {
                state.updated.retain(|updated| **updated != *uri);
            }
        }
    }

    /// One more to tell it, in place of all before.
    pub(super) fn teller(&self) -> Teller<'_> {
        let mut state = self.state();
        let number = state.next_teller;
        state.next_teller += 1;
        state.tellers.push((number, Waker::noop().clone()));
        Teller { listener: self, number }
    }

    /// Takes back a change that could not be told. Whoever tells has to know.
    pub(super) fn put_back(&self, change: &Change) {
        self.state().put_back(change);
    }

    /// Takes back a change that was told and got lost on its way.
    pub(super) fn lost(&self, change: &Change) {
        let mut state = self.state();
        state.put_back(change);
        wake(state);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put_back(&mut self, change: &Change) {
        match change {
            Change::List(Method::ToolListChanged) => self.changed.tools = true,
            Change::List(Method::ResourceListChanged) => self.changed.resources = true,
            Change::List(_) => self.changed.prompts = true,
            Change::Resource(uri) => {
                if let Some(changed @ false) = self.uris.get_mut(uri) {
                    *changed = true;
                    self.updated.push_front(uri.clone());
                }
            }
        }
    }
}

impl Teller<'_> {
    /// The next change to tell of, which it keeps no longer.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Change> {
        let mut state = self.listener.state();
        let State { changed, uris, updated, tellers, .. } = &mut *state;
        let newest = tellers.last().is_some_and(|(number, _)| *number == self.number);
        if let Some((_, waker)) = tellers.iter_mut().find(|(number, _)| *number == self.number) {
            waker.clone_from(cx.waker());
        }
        if !newest {
            return Poll::Pending;
        }
        for (changed, method) in [
            (&mut changed.tools, Method::ToolListChanged),
            (&mut changed.resources, Method::ResourceListChanged),
            (&mut changed.prompts, Method::PromptListChanged),
        ] {
            if std::mem::take(changed) {
                return Poll::Ready(Change::List(method));
            }
        }
        if let Some(uri) = updated.pop_front() {
            if let Some(changed) = uris.get_mut(&uri) {
                *changed = false;
            }
            return Poll::Ready(Change::Resource(uri));
        }
        Poll::Pending
    }
}

impl Drop for Teller<'_> {
    fn drop(&mut self) {
        let mut state = self.listener.state();
        state.tellers.retain(|(number, _)| *number != self.number);
        wake(state);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.leave(self.number);
        }
    }
}

/// Wakes who tells.
fn wake(state: MutexGuard<'_, State>) {
    let waker = state.tellers.last().map(|(_, waker)| waker.clone());
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker_ref;

    use super::*;

    fn next(teller: &Teller<'_>) -> Option<Change> {
        match teller.poll_next(&mut Context::from_waker(noop_waker_ref())) {
            Poll::Ready(change) => Some(change),
            Poll::Pending => None,
        }
    }

    fn resource(uri: &str) -> Option<Change> {
        Some(Change::Resource(uri.into()))
    }

    #[test]
    fn a_change_is_kept_once_however_often_it_happens() {
        let hub = Arc::<Hub>::default();
        hub.tell_updates();
        let kinds = Kinds { tools: true, prompts: true, resources: false };
        let listener = hub.listen(kinds, 2);
        assert!(listener.subscribe("a:1") && listener.subscribe("a:2") && listener.subscribe("a:1"));
        assert!(!listener.subscribe("a:3"));
        let teller = listener.teller();
        for _ in 0..100 {
            hub.changed(List::Prompts);
            hub.changed(List::Tools);
            hub.changed(List::Resources);
            for uri in ["a:2", "a:1", "a:3"] {
                hub.updated(uri);
            }
        }
        let tools = Some(Change::List(Method::ToolListChanged));
        assert_eq!(
            (next(&teller), next(&teller)),
            (tools.clone(), Some(Change::List(Method::PromptListChanged)))
        );
        assert_eq!((next(&teller), next(&teller), next(&teller)), (resource("a:2"), resource("a:1"), None));
        hub.changed(List::Tools);
        assert_eq!((next(&teller), next(&teller)), (tools, None));
    }

    #[test]
    fn what_could_not_be_told_stays_unless_nobody_wants_it_any_more() {
        let hub = Arc::<Hub>::default();
        hub.tell_updates();
        let listener = hub.listen(Kinds::default(), 8);
        listener.subscribe("a:1");
        listener.subscribe("a:2");
        let teller = listener.teller();
        hub.updated("a:1");
        let change = next(&teller).unwrap();
        hub.updated("a:2");
        listener.put_back(&change);
        assert_eq!((next(&teller), next(&teller), next(&teller)), (resource("a:1"), resource("a:2"), None));
        hub.updated("a:1");
        hub.updated("a:2");
        listener.unsubscribe("a:1");
        assert_eq!((next(&teller), next(&teller)), (resource("a:2"), None));
        listener.put_back(&change);
        assert_eq!(next(&teller), None);
    }

    #[test]
    fn who_tells_hears_of_what_got_lost() {
        let hub = Arc::<Hub>::default();
        hub.tell_updates();
        let listener = hub.listen(Kinds::default(), 8);
        listener.subscribe("a:1");
        let teller = listener.teller();
        hub.updated("a:1");
        let change = next(&teller).unwrap();
        let woken = Arc::new(Woken::default());
        let waker = woken.clone().into();
        assert!(teller.poll_next(&mut Context::from_waker(&waker)).is_pending());
        listener.lost(&change);
        assert!(woken.0.load(std::sync::atomic::Ordering::SeqCst));
        assert_eq!((next(&teller), next(&teller)), (resource("a:1"), None));
    }

    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }

    #[test]
    fn the_newest_tells_and_after_it_the_one_before() {
        let hub = Arc::<Hub>::default();
        let listener = hub.listen(Kinds { tools: true, ..Kinds::default() }, 0);
        let (older, newer) = (listener.teller(), listener.teller());
        let tools = Some(Change::List(Method::ToolListChanged));
        hub.changed(List::Tools);
        assert_eq!((next(&older), next(&newer)), (None, tools.clone()));
        hub.changed(List::Tools);
        drop(newer);
        assert_eq!(next(&older), tools);
    }

    #[test]
    fn the_bytes_of_uris_are_bounded() {
        let hub = Arc::<Hub>::default();
        let listener = hub.listen(Kinds::default(), usize::MAX);
        let long = |n: usize| format!("a:{n}:{}", "x".repeat(MAX_URI_BYTES / 2));
        assert!(listener.subscribe(&long(1)) && !listener.subscribe(&long(2)));
        listener.unsubscribe(&long(1));
        assert!(listener.subscribe(&long(2)) && listener.subscribe("a:b"));
    }
}
