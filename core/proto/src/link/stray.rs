use crate::jsonrpc::{ErrorObject, RequestId};
use crate::methods::Method;

/// A message that fits nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stray {
    /// An answer to a call that was never made, or is already settled.
    Answer(RequestId),
    /// An error about a message whose id the peer could not read.
    Error(ErrorObject),
    /// A `notifications/progress` or `notifications/cancelled` that is malformed or concerns nothing in flight.
    Notification(Method),
}
