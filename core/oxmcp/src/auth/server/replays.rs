use std::collections::VecDeque;

use rustc_hash::FxHashSet;

/// Proofs that are remembered.
const ROOM: usize = 65_536;

/// The proofs that came lately, so that none is taken twice.
pub(super) struct Replays {
    ids: FxHashSet<[u8; 32]>,
    /// The same in the order in which they came, with until when they are good, in microseconds.
    order: VecDeque<(u64, [u8; 32])>,
    room: usize,
    forgotten: u64,
}

impl Default for Replays {
    fn default() -> Self {
        Self { ids: FxHashSet::default(), order: VecDeque::new(), room: ROOM, forgotten: 0 }
    }
}

impl Replays {
    /// Remembers a proof that comes now for as long as it is good, all in microseconds, or until there are too many after it. Whether it is
    /// a new one.
    pub(super) fn remember(&mut self, id: [u8; 32], now: u64, good_until: u64) -> bool {
        while let Some((until, id)) = self.order.front().copied() {
            let is_over = until < now;
            if !is_over && self.order.len() < self.room {
                break;
            }
            if !is_over {
                self.forgotten = self.forgotten.max(until);
            }
            self.order.pop_front();
            self.ids.remove(&id);
        }
        let is_new = self.ids.insert(id);
        if is_new {
            self.order.push_back((good_until, id));
        }
        is_new
    }

    /// Until when those are good that were forgotten while they could come again. All that are good no longer than that may be replays.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_too_early_is_told() {
        let mut replays = Replays { room: 2, ..Replays::default() };
        let id = |byte| [byte; 32];
        assert!(replays.remember(id(1), 10, 110));
        assert!(!replays.remember(id(1), 11, 111));
        assert!(replays.remember(id(2), 12, 112));
        assert_eq!(replays.forgotten(), 0);
        assert!(replays.remember(id(3), 13, 113));
        assert_eq!(replays.forgotten(), 110);
        assert!(!replays.remember(id(3), 14, 114));
        // What is over by itself could not come again.
        assert!(replays.remember(id(4), 200, 300));
        assert_eq!((replays.forgotten(), replays.order.len(), replays.ids.len()), (112, 1, 1));
    }
}
