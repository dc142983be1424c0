use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem;
use std::time::Instant;

/// When to look at which call. An entry may be stale, because its call has settled or was heard of since: whoever takes it looks.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BinaryHeap<Reverse<(Instant, i64)>>);

impl Deadlines {
    pub(super) fn push(&mut self, due: Instant, id: i64) {
        self.0.push(Reverse((due, id)));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((due, _))| *due)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<i64> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, id))| id)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0 = BinaryHeap::new();
    }

    /// Leaves only entries of calls in flight.
    pub(super) fn rebuild(&mut self, live: impl Iterator<Item = (Instant, i64)>) {
        let mut entries = mem::take(&mut self.0).into_vec();
        entries.clear();
        entries.extend(live.map(Reverse));
        self.0 = entries.into();
    }
}
