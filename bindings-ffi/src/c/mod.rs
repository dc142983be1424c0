//! The C ABI that `include/oxmcp.h` declares; that header is generated from these files, comments and all.
//!
//! What every entry point holds to: no panic leaves it, a NULL where a value is needed is an error and not a crash,
//! outputs are written only on success and an error only on failure.

// These items are reached by symbol, not by path, and bear the names C knows them by.
#![allow(unreachable_pub, non_camel_case_types)]

mod boundary;
mod call;
mod cancel_token;
mod client;
mod error;
mod event;
mod json;
mod operation;
mod options;
mod queue;
mod result;
mod server;
mod server_core;
mod text;
mod tool;
mod version;
mod wake;
