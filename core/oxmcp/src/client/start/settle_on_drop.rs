use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::link::CallError;

use crate::Result;

/// Settles a call whose task is aborted.
pub(super) struct SettleOnDrop<F: FnOnce(Result<RawJson>)>(Option<F>);

impl<F: FnOnce(Result<RawJson>)> SettleOnDrop<F> {
    pub(super) fn new(done: F) -> Self {
        Self(Some(done))
    }

    pub(super) fn settle(&mut self, outcome: Result<RawJson>) {
        if let Some(done) = self.0.take() {
            done(outcome);
        }
    }
}

impl<F: FnOnce(Result<RawJson>)> Drop for SettleOnDrop<F> {
    fn drop(&mut self) {
        self.settle(Err(CallError::Cancelled.into()));
    }
}
