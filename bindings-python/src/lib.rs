//! The native half of the Python package `oxmcp`: the module `oxmcp._core`.
//!
//! It turns the bridge's handles into Python classes and JSON into Python objects, and no more. What a Python
//! programmer sees (`Server`, `Client`, `SyncClient`) is written in Python on top, in `python/oxmcp`.
//!
//! No thread of the core ever attaches to the interpreter: it leaves its events in a [`channel::Channel`] and makes
//! a file descriptor readable. So nothing here can deadlock on the GIL, or touch an interpreter that is shutting down.

mod channel;
mod client;
mod decode;
mod encode;
mod error;
mod process;
mod server;
mod waker;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use crate::channel::Channel;
    #[pymodule_export]
    use crate::client::ClientHandle;
    #[pymodule_export]
    use crate::decode::loads;
    #[pymodule_export]
    use crate::encode::dumps;
    #[pymodule_export]
    use crate::server::ServerHandle;

    #[pymodule_export]
    use super::version;
}

/// The version of the package and of its core.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
