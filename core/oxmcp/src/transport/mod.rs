//! How messages get from one side to the other. A transport knows bytes, frames and the resources behind them, and no method of MCP.

pub(crate) mod child;
#[cfg(unix)]
mod exit;
#[cfg(unix)]
mod guardian;
pub(crate) mod http;
pub(crate) mod line;
pub(crate) mod stdio;

pub use child::{Command, Stderr};
pub use http::{HttpBody, HttpOptions, HttpServer, HttpService};
