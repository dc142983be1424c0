use std::time::{Duration, Instant};

use super::CloseReason;
use crate::jsonrpc::ErrorObject;

/// A call of this side, by the id it has on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub(super) i64);

impl CallId {
    /// The number on the wire; the call's progress token too.
    pub fn number(self) -> i64 {
        self.0
    }
}

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallOptions {
    /// How long to wait.
    pub patience: Patience,
    /// Whether the peer is told when this side stops waiting. Not for `initialize`, which must not be cancelled, and not for a
    /// probe, whose receiver may not know the notification.
    pub cancellable: bool,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self { patience: Patience::default(), cancellable: true }
    }
}

/// How long a call waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The longest silence. Progress starts it anew. Default one minute.
    pub silence: Duration,
    /// The longest time in all, progress or not. Default one hour.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { silence: Duration::from_secs(60), total: Duration::from_secs(3600) }
    }
}

impl Patience {
    /// The same time for silence and in all.
    pub fn total(total: Duration) -> Self {
        Self { silence: total, total }
    }

    /// When a call that started at `started` and was last heard of at `heard` has waited long enough.
    pub fn due(&self, started: Instant, heard: Instant) -> Instant {
        let far = || started + Duration::from_secs(10 * 365 * 86400);
        let silence = heard.checked_add(self.silence).unwrap_or_else(far);
        let total = started.checked_add(self.total).unwrap_or_else(far);
        silence.min(total)
    }

    /// The error of a call that started at `started` and has waited long enough at `now`.
    pub fn timeout(&self, started: Instant, now: Instant) -> CallError {
        if now.saturating_duration_since(started) >= self.total && self.total > self.silence {
            CallError::TimeoutInAll { after: self.total }
        } else {
            CallError::Silent { after: self.silence.min(self.total) }
        }
    }
}

/// What may keep a message from a peer that the link still reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be reached now.
    Unreachable,
    /// It cannot take the message now.
    Busy,
    /// It failed over the message, or something on the way to it did.
    Failed,
    /// It wants authorization.
    Unauthorized,
    /// It takes no such message.
    Unwanted,
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The peer answered with an error.
    #[error("the peer answered with an error: {0}")]
    Rpc(ErrorObject),
    /// Neither an answer nor progress came.
    #[error("the peer sent neither an answer nor progress for {after:?}")]
    Silent {
        /// The longest silence allowed.
        after: Duration,
    },
    /// Progress came but no answer.
    #[error("the peer sent no answer within the {after:?} a call may take in all")]
    TimeoutInAll {
        /// The longest time allowed.
        after: Duration,
    },
    /// This side stopped waiting.
    #[error("the call was cancelled by this side")]
    Cancelled,
    /// The link was closed.
    #[error("{0}")]
    Closed(CloseReason),
    /// The link was closed before anything of the call was sent.
    #[error("{0}; nothing of the call was sent")]
    Unsent(CloseReason),
    /// What carries messages to the peer did not take this one; the link itself stands.
    #[error("{why}")]
    Refused {
        /// What stood in the way.
        refusal: Refusal,
        /// The same in words, for people.
        why: String,
    },
    /// The answer is larger than the limit.
    #[error("the peer's answer is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer is no JSON-RPC response.
    #[error("the peer's answer is not a JSON-RPC response: {0}")]
    Invalid(String),
    /// Too much is in flight.
    #[error("too many calls are in flight on this connection; wait for some to settle")]
    Overloaded,
}

impl CallError {
    /// Whether the peer may have run the call, although this side has no answer that it could use.
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::Silent { .. } | Self::TimeoutInAll { .. } | Self::Cancelled | Self::Closed(_) => true,
            // Something was answered.
            Self::TooLarge { .. } | Self::Invalid(_) => true,
            Self::Refused { refusal, .. } => *refusal == Refusal::Failed,
            Self::Rpc(_) | Self::Unsent(_) | Self::Overloaded => false,
        }
    }
}
