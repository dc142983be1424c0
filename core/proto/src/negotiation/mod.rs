//! How two sides agree on a revision: the client's search for the server's era, and the server's choice.

mod client;
mod server;

pub use client::{ClientNegotiation, Negotiated, NegotiationError, Offer, Reply, Step};
pub use server::{choose_handshake_version, unsupported_version};
