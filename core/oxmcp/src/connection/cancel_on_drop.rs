use oxmcp_proto::link::CallId;

use super::Connection;

/// Cancels a call whose future is dropped before it settled.
pub(crate) struct CancelOnDrop<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) call: Option<CallId>,
}

impl CancelOnDrop<'_> {
    pub(crate) fn disarm(mut self) {
        self.call = None;
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call {
            self.connection.cancel(call, "the caller no longer waits");
        }
    }
}
