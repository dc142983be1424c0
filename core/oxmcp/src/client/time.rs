use std::time::{Duration, Instant};

use oxmcp_proto::link::CallError;

use crate::{Error, ErrorKind, Result, clock};

/// The time that several requests may take together.
#[derive(Clone, Copy)]
pub(super) struct Time {
    started: Instant,
    total: Duration,
}

impl Time {
    pub(super) fn new(started: Instant, total: Duration) -> Self {
        Self { started, total }
    }

    /// # Errors
    ///
    /// [`Timeout`](ErrorKind::Timeout) if nothing is left.
    pub(super) fn left(self) -> Result<Duration> {
        let left = self.total.saturating_sub(clock::now().saturating_duration_since(self.started));
        if left.is_zero() { Err(self.over()) } else { Ok(left) }
    }

    /// A request that had only what was left of the time has not met silence.
    pub(super) fn explain(self, error: Error) -> Error {
        match self.left() {
            Err(over) if error.kind() == ErrorKind::Timeout => over,
            _ => error,
        }
    }

    pub(super) fn over(self) -> Error {
        CallError::TimeoutInAll { after: self.total }.into()
    }
}
