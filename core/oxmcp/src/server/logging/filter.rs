use std::sync::atomic::{AtomicU8, Ordering};

use oxmcp_proto::model::LoggingLevel;

/// Which log messages the client of a session wants.
#[derive(Debug)]
pub(in crate::server) struct LogFilter(AtomicU8);

const NONE: u8 = u8::MAX;

impl LogFilter {
    /// Sets the least severe level that is sent; none when nothing is.
    pub(in crate::server) fn set(&self, level: Option<LoggingLevel>) {
        self.0.store(level.map_or(NONE, |level| level as u8), Ordering::Relaxed);
    }

    /// The least severe level that is sent.
    pub(in crate::server) fn level(&self) -> Option<LoggingLevel> {
        LoggingLevel::ALL.get(usize::from(self.0.load(Ordering::Relaxed))).copied()
    }
}

impl Default for LogFilter {
    /// Nothing is sent.
    fn default() -> Self {
        Self(AtomicU8::new(NONE))
    }
}
