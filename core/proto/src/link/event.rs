use super::{CallError, CallId, Stray, Ticket};
use crate::jsonrpc::{Notification, RawJson, Request};

/// What a message means to the owner of the link.
#[derive(Debug)]
pub enum Event<C, S> {
    /// The peer wants something: serve it, then [`Link::respond`](super::Link::respond) with its ticket.
    Request {
        /// What it wants.
        request: Request,
        /// What tells this request from others of the peer, also from a later one under the same id.
        ticket: Ticket,
    },
    /// The peer tells something that the link has no use for itself.
    Notification(Notification),
    /// A call of this side is over.
    Settled {
        /// What the call was made with.
        context: C,
        /// What came of it.
        outcome: Result<RawJson, CallError>,
    },
    /// A call of this side has come further; see [`Link::context`](super::Link::context).
    Progress {
        /// Which call.
        call: CallId,
        /// `notifications/progress` parameters.
        params: RawJson,
    },
    /// The peer no longer waits for a request that is being served. It needs no answer any more.
    Cancelled(S),
    /// The message fits nothing: an answer to no call, an error without an id. For the log.
    Stray(Stray),
}
