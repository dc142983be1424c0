use std::future::Future;
use std::sync::Arc;

use oxmcp_proto::Method;

use super::form::Form;
use super::running::Running;
use crate::server::Peer;

/// Tells the client whose session made a task how it stands, whenever that changes, until it is over (2025-11-25, tasks, "Task Status
/// Notification"). Changes that follow each other at once are told as one; a client that does not keep up misses some, and asks.
pub(super) fn tell_status(running: Arc<Running>, peer: Arc<dyn Peer>) -> impl Future<Output = ()> + Send {
    // Before the work goes on, so that no change is missed.
    let mut changes = running.changes();
    async move {
        while changes.changed().await.is_ok() {
            let task = running.snapshot();
            let mut params = Vec::from(*b"{");
            Form::Experimental.write_task(&task, &mut params);
            params.push(b'}');
            peer.tell(Method::TaskStatus, &params);
            if task.status.is_terminal() {
                return;
            }
        }
    }
}
