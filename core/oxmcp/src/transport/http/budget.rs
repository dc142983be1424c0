use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Limits;

/// What the requests that an endpoint serves at once may take together, whatever connection or session they came by.
pub(super) struct Budget {
    requests: AtomicUsize,
    max_requests: usize,
    /// Bytes of messages, of which a part is still held by somebody.
    pub(super) bytes: AtomicUsize,
    pub(super) max_bytes: usize,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            requests: AtomicUsize::new(0),
            max_requests: limits.serving,
            bytes: AtomicUsize::new(0),
            max_bytes: limits.serving_bytes,
        })
    }

    /// Counts a request in, if there is room for one more. One that belongs with `others`, those of the same session, finds room as long as
    /// these are no more than what is free: so one session leaves half to all others, two leave a third, and the last place is for
    /// somebody who has none.
    pub(super) fn admit(self: &Arc<Self>, others: usize) -> Option<Admission> {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        let admission = Admission(self.clone());
        (others < self.max_requests.saturating_sub(count)).then_some(admission)
    }

    /// The same for the bytes of a request, which are held already: whether it may stay beside so many of its session.
    pub(super) fn has_room_beside(&self, others: usize) -> bool {
        others <= self.max_bytes.saturating_sub(self.bytes.load(Ordering::Relaxed))
    }

    /// Why a request is not admitted.
    pub(super) fn too_many(&self) -> String {
        let limit = self.max_requests;
        format!(
            "too many requests in flight (limit {limit}, of which each session leaves others as many as it has); try again later"
        )
    }

    /// Why there is no room for the bytes of a request.
    pub(super) fn too_large(&self) -> String {
        let limit = self.max_bytes;
        format!(
            "the requests in flight are too large (limit {limit} bytes, of which each session leaves others as many as it has); try again later"
        )
    }
}

/// A request that counts among those being served until it is dropped.
pub(super) struct Admission(Arc<Budget>);

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::transport::http::held::Held;

    fn budget(serving: usize, serving_bytes: usize) -> Arc<Budget> {
        Budget::new(&Limits { serving, serving_bytes, ..Limits::default() })
    }

    #[test]
    fn no_session_takes_what_others_need() {
        let budget = budget(12, 0);
        let fill = || {
            let mut admitted = Vec::new();
            while let Some(admission) = budget.admit(admitted.len()) {
                admitted.push(admission);
            }
            admitted
        };
        let first = fill();
        let second = fill();
        assert_eq!((first.len(), second.len()), (6, 3));
        let alone: Vec<_> = (0..4).map_while(|_| budget.admit(0)).collect();
        assert_eq!(alone.len(), 3, "all places are taken");
        drop((first, second));
        assert_eq!(fill().len(), 5);
    }

    #[test]
    fn bytes_count_until_the_last_part_of_a_message_is_gone() {
        let budget = budget(0, 100);
        let mut held = Held::new(&budget);
        assert!(held.grow_to(40) && held.grow_to(60));
        let message = held.with(Bytes::from(vec![b'x'; 60]));
        let part = message.slice(10..20);
        drop(message);
        let mut other = Held::new(&budget);
        assert!(other.grow_to(40) && !other.grow_to(41));
        assert!(budget.has_room_beside(0) && !budget.has_room_beside(1));
        drop(part);
        assert!(other.grow_to(100) && budget.has_room_beside(0));
        drop(other);
        assert_eq!(budget.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_message_that_is_alone_always_has_room() {
        let budget = budget(0, 100);
        let mut alone = Held::new(&budget);
        assert!(alone.grow_to(200) && alone.grow_to(300));
        assert!(!Held::new(&budget).grow_to(1));
        assert!(alone.grow_to(400));
    }
}
