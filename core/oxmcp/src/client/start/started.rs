use std::fmt;
use std::sync::Arc;

use oxmcp_proto::link::CallId;
use tokio::task::AbortHandle;

use super::running::Running;
use crate::connection::Connection;

/// A call under way, to cancel. Dropping it lets the call go on.
#[derive(Debug)]
pub struct Started(pub(super) StartedIn);

pub(super) enum StartedIn {
    Settled,
    Stream { connection: Connection, id: CallId, running: Arc<Running> },
    Task(AbortHandle),
}

impl Started {
    /// Cancels the call: it settles with [`Cancelled`](crate::ErrorKind::Cancelled), the server is told. False when it has settled already.
    pub fn cancel(&self) -> bool {
        match &self.0 {
            StartedIn::Settled => false,
            StartedIn::Stream { connection, id, running } => {
                connection.cancel(*id, "the caller cancelled") || running.cancel()
            }
            StartedIn::Task(task) => {
                let running = !task.is_finished();
                task.abort();
                running
            }
        }
    }
}

impl fmt::Debug for StartedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settled => "Settled",
            Self::Stream { .. } => "Stream",
            Self::Task(_) => "Task",
        })
    }
}
