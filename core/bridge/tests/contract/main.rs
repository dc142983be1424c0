//! The bridge's contract, as a binding sees it.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod binding;
mod client;
mod closing;
mod queue;
mod server;
mod storm;
mod toolbox;
mod transports;
