//! Protected servers: whom they let in, what they say to the others, and what belongs to whom.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dpop;
mod dpop_client;
mod gate;
mod introspection;
mod issuer;
mod jwks;
mod jwt;
mod keys;
mod requests;
mod stopped_clock;
mod verifier;
