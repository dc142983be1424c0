//! What needs more than the public API to be tried: names that lead where a test wants.
#![cfg(feature = "tls")]

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../tests/auth/grantor.rs"]
mod grantor;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../tests/auth/listener.rs"]
mod listener;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../tests/auth/resource.rs"]
mod resource;

mod rebound;
mod scripted_names;
