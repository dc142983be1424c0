//! Streamable HTTP, both sides: a server's endpoint for both eras, and a client's exchanges.

mod accept;
mod answer;
mod asks;
mod body;
mod budget;
mod client;
mod clock;
mod connection;
mod deaf;
mod endpoint;
mod event_body;
mod event_id;
mod exchange;
#[cfg(fuzzing)]
pub mod fuzzing;
mod guard;
mod handshake;
mod headers;
mod held;
#[cfg(feature = "http2")]
mod http2;
mod legacy;
mod listeners;
mod options;
mod outbox;
mod receive;
mod reply;
mod resumption;
mod server;
mod service;
mod session;
mod session_id;
mod sessions;
mod source;
mod sse;
mod stateless;
mod subject;
#[cfg(feature = "tls")]
pub(crate) mod tls;
mod unkept;
mod usage;
mod visitor;
mod wire;

pub use body::HttpBody;
pub use options::HttpOptions;
pub use server::HttpServer;
pub use service::HttpService;

pub(crate) use client::{
    Access, Cursor, EventStream, Fate, Head, HttpClient, HttpError, Response, Sending, Turn,
};
pub(crate) use sse::Event;
