//! What needs more than the public API to be tried: names that lead where a test wants, and many who wait at the same moment.

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../tests/auth/grantor.rs"]
mod grantor;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../tests/auth/listener.rs"]
mod listener;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../tests/auth/resource.rs"]
mod resource;

mod nonces;
#[cfg(feature = "tls")]
mod rebound;
#[cfg(feature = "tls")]
mod scripted_names;
mod waiting;
