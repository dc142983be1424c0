//! Runs programs so that they always end: each in a process group of its own, with a deadline, and with nothing
//! left running behind it.

mod group;
mod log;
mod orphans;
mod outcome;
mod service;
mod step;

use std::net::TcpListener;

use anyhow::Result;

pub(crate) use orphans::{end_children_on_signal, end_orphans};
pub(crate) use outcome::Outcome;
pub(crate) use service::Service;
pub(crate) use step::Step;

/// A TCP port of 127.0.0.1 that nothing listens on at the moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Whether `program` is on the search path.
pub(crate) fn on_path(program: &str) -> bool {
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&dirs).any(|dir| dir.join(program).is_file())
}

/// The last `count` lines of `text`.
pub(crate) fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
