//! A client: connects to a server of any revision and calls it.

mod anew;
mod cache;
mod call;
mod catalog;
mod completion;
mod connect;
mod context;
mod elicitation;
mod eras;
mod extensions;
mod handlers;
mod http;
mod inbound;
mod input;
mod input_error;
mod layered;
mod list;
mod logging;
mod looked;
mod params;
mod prompts;
mod request;
mod resources;
mod retries;
mod roots;
mod rounds;
mod sampling;
mod start;
mod stream;
mod subscriptions;
mod target;
mod tasks;
mod time;
mod tools;
mod visit;
mod visits;
mod walk;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::link::CloseReason;
use oxmcp_proto::model::{Implementation, ServerCapabilities};
use oxmcp_proto::negotiation::Negotiated;

pub use call::Call;
pub use connect::Connect;
pub use context::ClientContext;
pub use handlers::ServerList;
pub use input::{InputCall, InputFn, InputHandler, IntoInput};
pub use input_error::InputError;
pub use list::List;
pub use request::Request;
pub use start::Started;
pub use target::{CustomTransport, Target};
pub use tasks::{TaskHandle, TaskRequest};

use crate::{Limits, Result};
use anew::Relisting;
use cache::Cache;
use catalog::Catalog;
use http::HttpChannel;
use inbound::Inbound;
use logging::LogLevel;
use stream::StreamChannel;
use subscriptions::Listening;
use tasks::Told;

/// A client of one MCP server. Clones are the same client; the connection ends when the last is dropped, or at
/// [`close`](Self::close).
///
/// Every call settles: with a result, or with a typed [`Error`](crate::Error). Dropping a call's future cancels it.
///
/// Over HTTP, a session that the server has ended is replaced by a new one of the same revision: calls that met its end are sent again,
/// subscriptions and the log level are renewed, and only a server that ends the new session as well fails them. What the client knows of
/// the server stays what the first session said; its lists are taken to have changed.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    /// Keeps the connection open. What the library itself runs for a client has none.
    _handle: Option<Arc<Handle>>,
}

/// Ends a client's connection when its last user is gone.
struct Handle(Arc<Inner>);

impl Drop for Handle {
    fn drop(&mut self) {
        match &self.0.channel {
            Channel::Stream(stream) => stream.connection.close(CloseReason::Local),
            Channel::Http(http) => http.abandon(),
        }
    }
}

struct Inner {
    negotiated: Negotiated,
    channel: Channel,
    limits: Limits,
    /// The extensions this side declared.
    extensions: Box<[Box<str>]>,
    /// The members of `_meta` that every request of the stateless era carries.
    meta: Option<Box<str>>,
    inbound: Inbound,
    /// The least severe log messages that requests ask for, where they do (stateless era).
    log_level: LogLevel,
    catalog: Catalog,
    relisting: Relisting,
    listening: Listening,
    /// Who waits for which task of the server.
    told: Told,
    cache: Cache,
}

/// How requests get to the server.
enum Channel {
    Stream(StreamChannel),
    Http(HttpChannel),
}

impl Client {
    /// Connects to a server: a URL, a [`Command`](crate::Command), a [`Server`](crate::Server) of this process, or any [`Target`].
    /// The revision is negotiated.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), oxmcp::Error> {
    /// use oxmcp::{Client, Command};
    ///
    /// let remote = Client::connect("http://127.0.0.1:8000/mcp").await?;
    /// let local = Client::connect(Command::new("my-server").arg("--stdio")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(target: impl Into<Target>) -> Connect {
        Connect::new(target.into())
    }

    fn new(inner: Inner) -> Self {
        let inner = Arc::new(inner);
        let handle = Arc::new(Handle(inner.clone()));
        inner.inbound.belong(&handle);
        Self { inner, _handle: Some(handle) }
    }

    /// The client that a handle is of.
    fn of(handle: Arc<Handle>) -> Self {
        Self { inner: handle.0.clone(), _handle: Some(handle) }
    }

    /// The same client for something that ends with it.
    fn without_handle(&self) -> Self {
        Self { inner: self.inner.clone(), _handle: None }
    }

    /// Who the server says it is. Self-reported: for display and logs.
    pub fn server_info(&self) -> &Implementation {
        &self.inner.negotiated.server_info
    }

    /// The revision both sides speak.
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.inner.negotiated.version
    }

    /// What the server can do.
    pub fn capabilities(&self) -> &ServerCapabilities {
        &self.inner.negotiated.capabilities
    }

    /// How to use the server, for a model.
    pub fn instructions(&self) -> Option<&str> {
        self.inner.negotiated.instructions.as_deref()
    }

    /// Waits until the connection is over, whichever side ended it. Over HTTP, that is when this side closes.
    ///
    /// The future does not keep the client alive.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut released = match &self.inner.channel {
            Channel::Stream(stream) => stream.released.clone(),
            Channel::Http(http) => http.released(),
        };
        async move {
            // An error means that the task is gone, which comes to the same.
            let _ = released.wait_for(|released| *released).await;
        }
    }

    /// Ends the connection: calls in flight fail with [`Closed`](crate::ErrorKind::Closed), a child process is asked to exit, then made
    /// to; a session is ended. Returns when everything is released.
    pub async fn close(&self) -> Result<()> {
        match &self.inner.channel {
            Channel::Stream(stream) => stream.connection.close(CloseReason::Local),
            Channel::Http(http) => Box::pin(http.close()).await,
        }
        self.closed().await;
        Ok(())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.inner.negotiated.server_info.name)
            .field("version", &self.inner.negotiated.version)
            .finish_non_exhaustive()
    }
}
