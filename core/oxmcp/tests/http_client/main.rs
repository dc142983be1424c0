//! The client over Streamable HTTP, before servers that do what servers of ours never would.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod closing;
mod era;
mod errors;
mod failures;
mod listening;
mod logging;
mod messages;
mod own_server;
mod peer;
mod resume;
mod session;
mod sse;
mod subscriptions;
mod tasks;
mod tools;
