use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use oxmcp_proto::Era;

/// The number of servers remembered; past it the memory starts anew.
const MAX_SERVERS: usize = 1024;

/// Which era each server turned out to be of, for the life of this process: its next connection needs no probe (2026-07-28,
/// versioning). A memory that turns out wrong costs one request more.
static ERAS: Mutex<Option<HashMap<String, Era>>> = Mutex::new(None);

pub(super) fn remember(server: &str, era: Era) {
    let mut eras = ERAS.lock().unwrap_or_else(PoisonError::into_inner);
    let eras = eras.get_or_insert_default();
    if eras.len() >= MAX_SERVERS {
        eras.clear();
    }
    eras.insert(server.to_owned(), era);
}

pub(super) fn recall(server: &str) -> Option<Era> {
    ERAS.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(server).copied()
}
