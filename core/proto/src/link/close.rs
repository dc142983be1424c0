use std::fmt;

/// Why a link is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side closed it.
    Local,
    /// The peer ended the stream.
    PeerClosed,
    /// The peer's process exited; how, for people.
    PeerExited(String),
    /// The stream broke; how, for people.
    Broken(String),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("this side closed the connection"),
            Self::PeerClosed => f.write_str("the peer closed the connection before it answered"),
            Self::PeerExited(how) => write!(f, "the peer's process ended before it answered ({how})"),
            Self::Broken(how) => write!(f, "the connection broke: {how}"),
        }
    }
}
