//! How messages get from one side to the other. A transport knows bytes, frames and the resources behind them, and no method of MCP.

mod acceptor;
pub(crate) mod child;
pub(crate) mod custom;
#[cfg(unix)]
mod exit;
#[cfg(unix)]
mod guardian;
pub(crate) mod http;
pub(crate) mod line;
mod pipe;
pub(crate) mod socket;
mod socket_server;
pub(crate) mod stdio;

pub use child::{Command, Stderr};
pub use custom::{MessageReceiver, MessageSender, Transport};
pub use http::{HttpBody, HttpOptions, HttpServer, HttpService};
pub use socket_server::SocketServer;
