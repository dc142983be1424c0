//! The narrow waist between the oxmcp core and its language bindings.
//!
//! A binding sees five things of the core:
//!
//! * [`Queue`]: everything the core has to say comes out of one queue as [`Event`]s, drained in batches, with one
//!   wake-up each time it turns from empty to non-empty.
//! * [`Client`]: opened from a JSON configuration; [`Client::submit`] starts an operation under an id the binding
//!   chose, [`Client::cancel`] abandons it. Every submitted id settles with exactly one
//!   [`EventKind::Completed`] or [`EventKind::Failed`].
//! * [`Server`]: tools by definition and a number; their calls come out of the queue, and go back through
//!   [`Server::respond`].
//! * Questions: what a configuration leaves to the binding (a user who authorizes, a token that is to be verified) comes out of the queue too,
//!   and is answered through [`Queue::answer`].
//! * [`Error`]: what can go wrong, the same kinds in every language.
//!
//! JSON crosses as raw UTF-8 bytes, once in and once out. Handshake, discovery, paging, validation, progress
//! routing, deadlines and pings are done before this line. Every handle may be used, dropped and closed from any
//! thread, inside or outside an event loop; nothing here blocks except [`Queue::wait`].
//!
//! After `fork`, clients and servers of the parent are refused in the child, and dropping them there does nothing; the
//! child may make its own (see [`Process`]). On Linux from 5.10 on that always works; elsewhere only if the parent had not
//! yet opened or served anything.

mod asker;
mod auth;
mod calls;
mod client;
mod config;
mod error;
mod event;
mod operations;
mod process;
mod questions;
mod queue;
mod runtime;
mod server;

pub use client::{CallOptions, Client, Operation};
pub use error::{Error, ErrorKind};
pub use event::{Event, EventKind};
pub use process::Process;
pub use questions::Answer;
pub use queue::Queue;
pub use server::{CallOutcome, Server, ToolOptions};
