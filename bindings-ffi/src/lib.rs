//! oxmcp for C, Kotlin and Swift: one library with two faces, both on `oxmcp-bridge` alone.
//!
//! * `surface` is what UniFFI generates Kotlin and Swift code from: the bridge's queue, client and server as
//!   objects, with JSON as bytes. The idiomatic APIs are hand-written on top, in `kotlin/` and `swift/`.
//! * `c` is the C ABI that `include/oxmcp.h` declares.

mod c;
mod guard;
mod surface;

pub use surface::{FfiClient, FfiError, FfiEvent, FfiEventKind, FfiOperation, FfiQueue, FfiServer};

uniffi::setup_scaffolding!();
