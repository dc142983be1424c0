//! Servers that ask their clients for input, in either era, with clients that answer what they like.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bounds;
mod consent;
mod declared;
mod round_trip;
mod session;
mod stateless;
mod url;
mod waiting;
mod wire;

#[allow(dead_code, reason = "the tests of the HTTP server use the rest")]
#[path = "../http/wire.rs"]
mod raw;
