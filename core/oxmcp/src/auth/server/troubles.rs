use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;

/// How long the log is spared the next complaint. Whoever sends a token, and anybody can, brings one about.
const QUIET: Duration = Duration::from_secs(30);

/// Complaints that tokens cannot be checked: as errors once in a while, and for those who look closer each time.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    /// How many were kept back since.
    untold: u64,
}

impl Troubles {
    pub(super) fn tell(&self, why: &str) {
        match self.untold() {
            Some(untold) => tracing::error!(why, untold, "tokens cannot be checked"),
            None => tracing::debug!(why, "tokens cannot be checked"),
        }
    }

    /// How many were kept back since the last one, if it is time for another.
    fn untold(&self) -> Option<u64> {
        let now = clock::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.at.is_some_and(|at| now.saturating_duration_since(at) < QUIET) {
            told.untold += 1;
            return None;
        }
        told.at = Some(now);
        Some(std::mem::take(&mut told.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_brings_about_many_complaints_fills_no_log() {
        let troubles = Troubles::default();
        let told: Vec<_> = (0..100).map(|_| troubles.untold()).collect();
        assert_eq!(told.iter().flatten().collect::<Vec<_>>(), [&0]);
        tokio::time::advance(QUIET).await;
        assert_eq!((troubles.untold(), troubles.untold()), (Some(99), None));
    }
}
