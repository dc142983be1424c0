use std::fmt;

use super::SessionKey;

/// Names an event stream of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// The session.
    pub session: SessionKey,
    /// The number of the stream in it.
    pub stream: u64,
}

/// The session's key, a hyphen and the number of the stream.
impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.session, self.stream)
    }
}
