//! Servers that ask their clients for input, in either era, with clients that answer what they like.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod session;
mod stateless;
mod wire;
