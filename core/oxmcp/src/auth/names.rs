use std::io;
use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

/// What knows to which addresses names lead.
pub(crate) trait Names: Send + Sync {
    /// The addresses of `name`.
    fn resolve(&self, name: Name) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

    /// Where an address is that may be connected to, for tests that have no internet.
    #[cfg(test)]
    fn route(&self, address: SocketAddr) -> SocketAddr {
        address
    }
}

/// The system's own way.
pub(crate) struct SystemNames;

impl Names for SystemNames {
    fn resolve(&self, name: Name) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let found = GaiResolver::new().call(name);
        Box::pin(async move { Ok(found.await?.collect()) })
    }
}
