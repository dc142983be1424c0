use std::time::Instant;

/// The present on the clock that tokio's timers go by. Deadlines and timers must share one clock: where a test pauses tokio's, the
/// system's goes on.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
