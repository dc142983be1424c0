use std::collections::VecDeque;

use rustc_hash::FxHashSet;

/// Proofs that are remembered.
const ROOM: usize = 65_536;

/// The proofs that came lately, so that none is taken twice.
pub(super) struct Replays {
    ids: FxHashSet<[u8; 32]>,
    /// The same in the order in which they came, with when they did, in microseconds.
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
    /// Remembers a proof that comes now for `life`, all in microseconds, or until there are too many after it. Whether it is a new one.
    pub(super) fn remember(&mut self, id: [u8; 32], now: u64, life: u64) -> bool {
        while let Some((at, id)) = self.order.front().copied() {
            let is_over = at.saturating_add(life) < now;
            if !is_over && self.order.len() < self.room {
                break;
            }
            if !is_over {
                self.forgotten = self.forgotten.max(at);
            }
            self.order.pop_front();
            self.ids.remove(&id);
        }
        let is_new = self.ids.insert(id);
        if is_new {
            self.order.push_back((now, id));
        }
        is_new
    }

    /// When the last one came that was forgotten while it could come again. All that came until then may be replays.
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
        assert!(replays.remember(id(1), 10, 100));
        assert!(!replays.remember(id(1), 11, 100));
        assert!(replays.remember(id(2), 12, 100));
        assert_eq!(replays.forgotten(), 0);
        assert!(replays.remember(id(3), 13, 100));
        assert_eq!(replays.forgotten(), 10);
        assert!(!replays.remember(id(3), 14, 100));
        // What is over by itself could not come again.
        assert!(replays.remember(id(4), 200, 100));
        assert_eq!((replays.forgotten(), replays.order.len(), replays.ids.len()), (12, 1, 1));
    }
}
