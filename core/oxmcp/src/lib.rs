//! The Model Context Protocol for Rust: clients and servers of every revision, with one API.
//!
//! A server:
//!
//! ```
//! # use oxmcp::Server;
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Add {
//!     a: i64,
//!     b: i64,
//! }
//!
//! let server = Server::new("demo", "1.0.0").tool("add", "Add two numbers.", |Add { a, b }: Add| async move { a + b });
//! ```
//!
//! and a client of it, here in memory; a [`Command`] or a URL connects in the same way:
//!
//! ```
//! # use oxmcp::{Client, Server};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), oxmcp::Error> {
//! # let server = Server::new("demo", "1.0.0").tool("echo", "Say it again.", |text: oxmcp::server::Arguments| async move { text.0.to_string() });
//! let client = Client::connect(server).await?;
//! let result = client.call_tool("echo", serde_json::json!({"text": "hello"})).await?;
//! assert_eq!(result.joined_text(), r#"{"text":"hello"}"#);
//! # Ok(())
//! # }
//! ```

pub mod apps;
pub mod auth;
pub mod client;
mod clock;
mod connection;
mod error;
mod extension;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod layer;
mod limits;
mod param_headers;
mod pauses;
mod related_task;
mod schema;
pub mod server;
pub mod store;
mod timestamp;
pub mod transport;

pub use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RequestId};
pub use oxmcp_proto::{Era, Method, ProtocolVersion, model};

pub use client::Client;
pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
pub use server::{Context, Server};
pub use transport::Command;
