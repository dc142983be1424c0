//! Layers: code that sees every message of a client or a server, and may change, answer, hold up or stop it.
//!
//! A layer stands between the wire and everything else, in the manner of tower's and axum's middleware. It is an async function of a
//! [`LayerRequest`] and of what comes [`Next`]; whatever it does before it runs that happens on the way in, whatever it does after it
//! on the way back. The same layer works for clients and servers, over every transport, in every revision:
//!
//! ```
//! use oxmcp::layer::{LayerRequest, Next, from_fn};
//! use oxmcp::{Client, ErrorObject, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), oxmcp::Error> {
//! let server = Server::new("demo", "1.0.0")
//!     .tool("read", "Reads.", || async { "read" })
//!     .tool("delete", "Deletes.", || async { "deleted" })
//!     // Measures.
//!     .layer(from_fn(|request: LayerRequest, next: Next| async move {
//!         let (method, began) = (request.method().to_owned(), std::time::Instant::now());
//!         let outcome = next.run(request).await;
//!         println!("{method} took {:?}", began.elapsed());
//!         outcome
//!     }))
//!     // Denies.
//!     .layer(from_fn(|request: LayerRequest, next: Next| async move {
//!         if request.method() == "tools/call" && request.name().as_deref() == Some("delete") {
//!             return Err(ErrorObject::new(-32001, "nobody deletes here").into());
//!         }
//!         next.run(request).await
//!     }));
//!
//! let client = Client::connect(server).await?;
//! assert_eq!(client.call_tool("read", ()).await?.joined_text(), "read");
//! let error = client.call_tool("delete", ()).await.unwrap_err();
//! assert_eq!(error.rpc().unwrap().message, "nobody deletes here");
//! # Ok(())
//! # }
//! ```
//!
//! Layers are added with [`Server::layer`](crate::Server::layer) and [`Connect::layer`](crate::client::Connect::layer). The one that is
//! added first is the outermost: it sees a message first, in either direction, and its outcome last.
//!
//! # What goes through
//!
//! Each message once, on each side that has layers:
//!
//! * **Requests**, with their result or error: a client's and a server's, those that negotiate (`initialize`, `server/discover`), and those
//!   the library makes by itself. A call that takes several requests, because the server needs input for it or has made it a task, goes
//!   through once for each. `subscriptions/listen` is a request that takes long. A result that a client has kept (2026-07-28, caching) is what
//!   comes next for a request that leaves the last layer as the one did that it was kept of.
//! * **Notifications**. One for which a layer returns an error, or does not run what comes next, goes no further.
//! * **Input that a server asks for inside of a result** (2026-07-28, patterns, MRTR). On the client's side it goes through as the incoming
//!   request that it was through 2025-11-25 (`elicitation/create`, `sampling/createMessage`, `roots/list`), so that a layer that denies
//!   those denies them in both eras. On the server's side it stands in the result.
//!
//! A request that is cancelled drops the future of its layers. The `notifications/cancelled` that this side then sends goes through as any
//! other notification; of one that the peer sends, a layer that stops it keeps the request going. What is refused before anything is done for it goes through no layer: bytes that are no message, answers that fit no request, and
//! HTTP requests whose headers, session or size are wrong. A call that this side refuses to send, for lack of a capability say, is not seen either.
//!
//! A layer that does not wait keeps messages in their order. Notifications that it holds up may be overtaken by others, and by answers; at
//! most 1000 are held up at once, and those past that are dropped; what a server has to tell of its lists and resources waits instead.
//!
//! Without layers, all of this costs one look at an `Option` for each message.

mod facts;
mod from_fn;
mod inlet;
mod layers;
mod next;
mod peer;
#[cfg(feature = "opentelemetry")]
mod propagation;
mod request;
mod room;
mod serving;
mod trace;

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::RawJson;

use crate::Result;

pub use facts::Carrier;
pub use from_fn::{FromFn, from_fn};
pub use next::Next;
pub use request::{Direction, LayerRequest};
pub use trace::Trace;

pub(crate) use facts::Facts;
pub(crate) use inlet::Inlet;
pub(crate) use layers::{Failed, Layers, into_rpc};
pub(crate) use request::Id;

/// What sees every message; see [the module](self). [`from_fn`] makes one of an async function.
pub trait Layer: Send + Sync + 'static {
    /// Takes a message on its way. [`Next::run`] lets it go on; the outcome is that of the request, and for a notification means nothing but
    /// whether it goes on.
    ///
    /// The peer gets the [`rpc`](crate::Error::rpc) of an error of a request of its own, and an internal error without further words if there is
    /// none. Whoever made a request of this side gets the error as it is.
    ///
    /// This function, and the future until it first has to wait, may run on the task of a connection: it must not block. A panic in either is
    /// caught and logged, and is an error. When the request is cancelled, the future is dropped.
    fn call(&self, request: LayerRequest, next: Next) -> BoxFuture<'static, Result<RawJson>>;
}
