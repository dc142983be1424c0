use futures_util::future::BoxFuture;

use super::{SessionKey, StoredEvent, StreamId};

/// Keeps the messages of event streams, so that a client whose connection was lost, or closed by the server, gets the rest when it comes
/// back (2025-11-25, transports, "Resumability and Redelivery").
///
/// Only sessions of the handshake era have resumable streams. [`MemoryEvents`](super::MemoryEvents) is the default; implement this for
/// keeping them elsewhere. A store may forget the oldest events of a stream whenever it wants to: then they cannot be sent again. The last
/// one is often the answer to a request, which is lost with it.
///
/// A store is called under no lock of this library, and may do whatever its server lets a program do. A panic in it is caught and logged,
/// and what it was to keep counts as forgotten.
///
/// ```
/// use std::sync::Arc;
/// use oxmcp::store::MemoryEvents;
/// use oxmcp::transport::HttpOptions;
///
/// let large = MemoryEvents::default().bytes(1 << 30).stream_bytes(64 << 20);
/// let options = HttpOptions { event_store: Some(Arc::new(large)), ..HttpOptions::default() };
/// ```
pub trait EventStore: Send + Sync + 'static {
    /// Keeps an event. The calls for a stream come one after the other, and the numbers grow from call to call. It runs inside whatever sends
    /// the message, so it must not block: a store that writes to a network or a disk passes the event on to a task of its own.
    fn append(&self, stream: StreamId, event: StoredEvent);

    /// The events of a stream whose number is greater than `after`, in order: all that are still kept. Empty when there are none. A client
    /// that comes back waits for it, for [`Limits::store_wait`](crate::Limits::store_wait) at most.
    fn replay(&self, stream: StreamId, after: u64) -> BoxFuture<'_, Vec<StoredEvent>>;

    /// Forgets a stream that nobody can resume. Must not block.
    fn remove(&self, stream: StreamId);

    /// Forgets all streams of a session that has ended. Must not block.
    fn remove_session(&self, session: SessionKey);
}
