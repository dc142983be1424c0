use std::sync::Arc;

use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::link::CallError;
use oxmcp_proto::model::Progress;
use tokio::sync::oneshot;

use super::guard;

/// Hears of a call's progress.
pub(crate) type ProgressFn = Arc<dyn Fn(Progress) + Send + Sync>;

/// Whom a call's outcome goes to.
pub(crate) struct Waiter {
    pub(crate) done: Done,
    pub(crate) progress: Option<ProgressFn>,
}

/// How an outcome is handed over.
pub(crate) enum Done {
    Channel(oneshot::Sender<Result<RawJson, CallError>>),
    Callback(Box<dyn FnOnce(Result<RawJson, CallError>) + Send>),
}

impl Waiter {
    pub(crate) fn settle(self, outcome: Result<RawJson, CallError>) {
        match self.done {
            // Whoever dropped the other end has no use for it.
            Done::Channel(sender) => drop(sender.send(outcome)),
            Done::Callback(callback) => guard(|| callback(outcome)),
        }
    }
}
