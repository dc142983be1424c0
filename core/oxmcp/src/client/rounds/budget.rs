use std::time::Duration;

use crate::client::Call;
use crate::{Error, ErrorKind, Result};

/// How long to wait before the second request in a row for which the server wanted no input; it doubles from one to the next.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest of those waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often a call may still go on.
pub(in crate::client) struct Rounds {
    /// The rounds in which somebody is asked.
    left: usize,
    /// How long to wait before the next request, if nobody is asked before it.
    pause: Duration,
}

impl Rounds {
    pub(super) fn new(limit: usize) -> Self {
        Self { left: limit, pause: Duration::ZERO }
    }

    /// Takes a round in which somebody is asked.
    pub(in crate::client) fn take(&mut self, call: &Call) -> Result<()> {
        self.pause = Duration::ZERO;
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                let message = format!(
                    "the server needed input for {} more often than `Limits::input_rounds` of this client allows",
                    call.method.as_str()
                );
                Err(Error::new(ErrorKind::Overloaded, message))
            }
        }
    }

    /// How long to wait now, and longer the next time.
    pub(in crate::client) fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        pause
    }
}
