//! Every method, type and member that an official package knows is known to `oxmcp-proto`, in every revision.
//!
//! The package is pinned in `requirements.txt`. `spec.py` writes down what it knows, and `cargo xtask test --part interop` tells these
//! tests where.

mod methods;
mod spec;
mod types;
