//! Calls that go on as tasks: the extension of 2026-07-28 and the experimental tasks of 2025-11-25, seen from the wire and through the
//! client.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod experimental;
mod extension;
mod peer;
mod store;
mod toolbox;
