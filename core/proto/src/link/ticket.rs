use crate::jsonrpc::RequestId;

/// A request of the peer that is being served. The peer may use its id again once it is answered or cancelled; the ticket stays of
/// this one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    id: RequestId,
    pub(super) serial: u64,
}

impl Ticket {
    pub(super) fn new(id: RequestId, serial: u64) -> Self {
        Self { id, serial }
    }

    /// The id of the request on the wire.
    pub fn id(&self) -> &RequestId {
        &self.id
    }
}
