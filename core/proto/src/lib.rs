//! The pure half of oxmcp: what the Model Context Protocol says, as data and state machines.
//!
//! Nothing here does I/O, reads a clock, starts a thread or knows an async runtime. Bytes and instants go in, bytes
//! and events come out, so every rule can be tested without a socket and used under any scheduler.
//!
//! * [`jsonrpc`]: messages, ids, errors; the codec, with raw `params` and `result`.
//! * [`model`]: the spec's types, a file per feature.
//! * [`version`]: the revisions, their two eras, and every difference on the wire between them.
//! * [`methods`]: one table of all methods: who sends them, since when, under which capability.
//! * [`negotiation`]: how two sides agree on a revision.
//! * [`link`]: calls, answers, progress, cancellation and deadlines over a stream of messages.

pub mod jsonrpc;
pub mod link;
pub mod methods;
pub mod model;
pub mod negotiation;
pub mod version;

pub use methods::Method;
pub use version::{Era, ProtocolVersion};
