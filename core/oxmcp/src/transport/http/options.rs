use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Protection;
use crate::store::{EventStore, MemoryEvents};

/// How a server is reached over HTTP. The defaults are safe on a developer's machine: loopback only, any free port.
///
/// ```
/// use oxmcp::transport::HttpOptions;
///
/// let allowed_origins = vec!["https://app.example.com".into()];
/// let options = HttpOptions { port: 8080, allowed_origins, ..HttpOptions::default() };
/// assert_eq!(options.host, "127.0.0.1");
/// ```
#[derive(Clone)]
pub struct HttpOptions {
    /// The address or name to listen on. One that is not loopback needs [`allowed_hosts`](Self::allowed_hosts). Default
    /// `127.0.0.1`.
    pub host: String,
    /// The port; 0 takes any free one. Default 0.
    pub port: u16,
    /// The path of the endpoint. Default `/mcp`.
    pub path: String,
    /// What the `Host` of a request may be beside the loopback names: a name, with a port if only that port will do.
    pub allowed_hosts: Vec<String>,
    /// What the `Origin` of a request may be beside `http` and `https` on the loopback names: `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// Where the messages of event streams are kept for clients that come back after their connection was lost. It costs a copy of each
    /// message that is sent as an event, which most answers are not. Only sessions of the handshake era come back; in revision 2026-07-28
    /// a lost connection cancels the request. Without a store, events have no ids, and what is sent to a lost connection is lost. Default:
    /// [`MemoryEvents`] with its defaults.
    pub event_store: Option<Arc<dyn EventStore>>,
    /// How long a client waits before it comes back to a stream (2025-11-25, `retry`). Default one second.
    pub retry: Duration,
    /// Whether the HTTP+SSE transport of 2024-11-05 is served too, for clients that know no other: a stream at `/sse`, and messages to
    /// `/messages`. Its streams cannot be resumed. Default false.
    pub legacy_sse: bool,
    /// Who may use the server. Its metadata is served beside the endpoint, under `/.well-known/oauth-protected-resource`. Default: everybody who
    /// gets to it.
    pub protection: Option<Protection>,
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("path", &self.path)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("allowed_origins", &self.allowed_origins)
            .field("event_store", &self.event_store.is_some())
            .field("retry", &self.retry)
            .field("legacy_sse", &self.legacy_sse)
            .field("protection", &self.protection)
            .finish()
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            path: "/mcp".to_owned(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            event_store: Some(Arc::new(MemoryEvents::default())),
            retry: Duration::from_secs(1),
            legacy_sse: false,
            protection: None,
        }
    }
}

/// A port, and the defaults for everything else.
impl From<u16> for HttpOptions {
    fn from(port: u16) -> Self {
        Self { port, ..Self::default() }
    }
}

/// An address and a port, and the defaults for everything else.
impl From<SocketAddr> for HttpOptions {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port(), ..Self::default() }
    }
}
