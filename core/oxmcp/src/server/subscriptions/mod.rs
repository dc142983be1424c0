//! Subscriptions: how clients hear that a list or a resource has changed, in a session or by `subscriptions/listen`.

mod hub;
mod kinds;
mod listen;
mod listener;
mod session;
mod tell;

pub(super) use hub::Hub;
pub(super) use kinds::Kinds;
pub(super) use listener::Listener;
pub(super) use tell::write_subscription;

use super::Server;

impl Server {
    /// Declares that clients are told when resources change: the program calls [`resource_updated`](Self::resource_updated) whenever one of
    /// them does. Without it, clients cannot subscribe to resources.
    ///
    /// ```
    /// use oxmcp::Server;
    ///
    /// let server = Server::new("demo", "1.0.0").subscribable().resource("demo://load", "load", || async { "0.3" });
    /// // Later, on any clone, from any thread:
    /// server.resource_updated("demo://load");
    /// ```
    #[must_use]
    pub fn subscribable(self) -> Self {
        self.catalog.hub.tell_updates();
        self
    }

    /// Tells the clients that subscribed to a resource that it has changed. A client that does not keep up hears of it once, however often it
    /// changes. Nothing happens on a server that is not [`subscribable`](Self::subscribable).
    pub fn resource_updated(&self, uri: &str) {
        self.catalog.hub.updated(uri);
    }
}
