use tokio::time::Instant;

/// Nanoseconds since the server began.
#[derive(Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    /// One that begins now.
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}
