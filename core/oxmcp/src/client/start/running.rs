use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::AbortHandle;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::link::CallError;

use crate::Result;
use crate::client::Call;

/// A call of a stream that was started.
pub(super) struct Running {
    pub(super) call: Call,
    stage: Mutex<Stage>,
}

pub(super) enum Stage {
    /// The server has the request, or the answer is being looked at.
    Sent,
    /// It goes on in a task, because the server needs something for it.
    GoesOn(AbortHandle),
    /// It was cancelled while its answer was being looked at.
    Cancelled,
    Settled,
}

impl Running {
    pub(super) fn new(call: Call) -> Self {
        Self { call, stage: Mutex::new(Stage::Sent) }
    }

    pub(super) fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels what is no longer with the server. False when it has settled.
    pub(super) fn cancel(&self) -> bool {
        let mut stage = self.stage();
        match std::mem::replace(&mut *stage, Stage::Cancelled) {
            Stage::Sent => true,
            Stage::GoesOn(task) => {
                *stage = Stage::Settled;
                // Dropping the task settles the call, which is for the user's code.
                drop(stage);
                task.abort();
                true
            }
            Stage::Cancelled => false,
            Stage::Settled => {
                *stage = Stage::Settled;
                false
            }
        }
    }

    /// Settles the call, unless it was cancelled.
    pub(super) fn settle(&self, outcome: Result<RawJson>) -> Result<RawJson> {
        match std::mem::replace(&mut *self.stage(), Stage::Settled) {
            Stage::Cancelled => Err(CallError::Cancelled.into()),
            _ => outcome,
        }
    }
}
