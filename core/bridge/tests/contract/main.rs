//! The bridge's contract, as a binding sees it.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod authorization;
mod binding;
mod client;
mod closing;
mod grantor;
mod guarded;
mod listener;
mod protection;
mod queue;
mod server;
mod storm;
mod token_store;
mod toolbox;
mod transports;
