//! The Streamable HTTP server, seen from the wire: raw requests against a server that listens.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asking;
mod bounds;
mod event_store;
mod fixture;
mod handshake;
#[cfg(feature = "http2")]
mod http2;
mod legacy;
mod lifecycle;
mod param_headers;
mod refused;
mod resumption;
mod round_trip;
mod stateless;
mod subscriptions;
mod tasks;
mod wire;
