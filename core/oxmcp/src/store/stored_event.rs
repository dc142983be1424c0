use bytes::Bytes;

/// A message that was sent, or should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in its stream; the first is 1.
    pub number: u64,
    /// The JSON-RPC message, on one line.
    pub message: Bytes,
}
