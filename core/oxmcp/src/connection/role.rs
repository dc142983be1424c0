use oxmcp_proto::jsonrpc::{Notification, Request};
use oxmcp_proto::link::Ticket;

use super::Connection;
use crate::layer::Inlet;
use crate::server::Answer;
use crate::transport::child::NoiseFn;

/// What this end does with what the peer asks and tells. Its methods never block.
pub(crate) trait Role: Send + 'static {
    /// Whether a line too long to read is taken for a request (and answered) or for an answer (and settled).
    const SERVES: bool;

    /// Whether the revision of the connection has batches.
    fn has_batches(&self) -> bool;

    /// Whether the peer may ask anything; otherwise its requests are ignored.
    fn may_be_asked(&self) -> bool {
        true
    }

    /// Answers a request.
    fn answer(&mut self, request: Request, ticket: &Ticket, connection: &Connection) -> Answer;

    /// Takes a notification.
    fn notified(&mut self, notification: Notification);

    /// The layers that a notification goes through before this end or the link sees it, if there are some.
    fn inlet(&self, _: &Notification) -> Option<Inlet> {
        None
    }

    /// The layers that a notification of this end's own goes through, if there are some.
    fn outlet(&self) -> Option<Inlet> {
        None
    }

    /// Hears that the peer sends nothing any more.
    fn input_ended(&mut self) {}

    /// Whether the peer may be waiting for this end, so that it is not silent: somebody is being authorized, and nothing is sent meanwhile.
    fn keeps_peer_waiting(&self) -> bool {
        false
    }

    /// Who wants to hear of the lines that are no message.
    fn noise(&self) -> Option<&NoiseFn> {
        None
    }
}
