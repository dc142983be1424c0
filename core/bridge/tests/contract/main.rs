//! The bridge's contract, as a binding sees it.

mod binding;
mod client;
mod closing;
mod queue;
mod server;
mod storm;
mod toolbox;
mod transports;
