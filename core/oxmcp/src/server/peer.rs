use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::link::CallError;

/// What is to be done when a notification is lost after all.
pub(crate) type Lost = Box<dyn FnOnce() + Send>;

/// What became of a notification that must not get lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is sent, or will be, or a layer stopped it.
    Yes,
    /// Nobody waits for it any more, or nobody keeps up.
    No,
    /// Layers hold up as much as they may. [`Peer::poll_room`] tells when they do not.
    NotNow,
}

impl From<bool> for Told {
    fn from(sent: bool) -> Self {
        if sent { Self::Yes } else { Self::No }
    }
}

/// The client at the other end, as one request or one session reaches it.
pub(crate) trait Peer: Send + Sync {
    /// Sends a notification with parameters that are JSON on one line. False when nobody waits for the request any more, or nobody
    /// keeps up. Never blocks.
    fn notify(&self, method: Method, params: &[u8]) -> bool;

    /// The same for what must not get lost: if a layer holds it up and there is no room for it when it goes on, what `lost` makes is run.
    fn notify_or(&self, method: Method, params: &[u8], lost: &dyn Fn() -> Lost) -> Told {
        let _ = lost;
        self.notify(method, params).into()
    }

    /// Sends a notification that does not belong to the request, also when that is over. False when nobody listens or keeps up. Never blocks.
    fn tell(&self, method: Method, params: &[u8]) -> bool;

    /// Waits until there is room for a notification that is not of the request's own making. Other notifications go out all the same, until
    /// there is no room at all.
    fn poll_room(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Asks the client, which only a session of the handshake era can do. Settles at the latest after
    /// [`Limits::input_wait`](crate::Limits::input_wait); dropping the future tells the client that nobody waits any more.
    fn ask(&self, method: Method, params: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>>;

    /// Closes the connection that carries the response to the request, for the client to come back to. False where it would not.
    fn close_stream(&self) -> bool {
        false
    }
}
