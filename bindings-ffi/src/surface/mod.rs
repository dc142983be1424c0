//! The UniFFI surface: the bridge one to one, shaped so that little crosses.
//!
//! Over JNA a call costs microseconds and every enum, record, option or `Vec` argument costs one more call for its
//! buffer. So arguments are scalars and borrowed bytes, optional numbers are negative when absent, and results come
//! back many at a time from [`FfiQueue::wait_drain`]. No Rust thread ever calls into the foreign language.
//!
//! JSON crosses as bytes, not as strings: Kotlin's `decodeToString` then does just what UniFFI's own string reader
//! would, while Swift's `JSONDecoder` takes the `Data` as it is, without a `String` between.
//!
//! A panic never ends the process. Of functions that can fail it is an error; of the others it ends in `guard`, for
//! Swift could not catch it.

mod client;
mod error;
mod event;
mod queue;
mod server;

pub use client::{FfiClient, FfiOperation};
pub use error::FfiError;
pub use event::{FfiEvent, FfiEventKind};
pub use queue::FfiQueue;
pub use server::FfiServer;
