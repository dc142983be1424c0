use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{LazyLock, Mutex, MutexGuard, TryLockError};

use oxmcp_proto::Era;
use url::Url;

use crate::Command;

/// The number of servers remembered; past it the memory starts anew.
const MAX_SERVERS: usize = 1024;

/// Which era each server turned out to be of, for the life of this process: its next connection needs no probe (2026-07-28,
/// versioning). A memory that turns out wrong costs one request more.
static ERAS: LazyLock<Eras> = LazyLock::new(Eras::default);

#[derive(Default)]
struct Eras {
    servers: Mutex<HashMap<Server, Era>>,
    fingerprints: RandomState,
}

/// A server, told from others by a fingerprint: what a URL or a command says may be long, and secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Server(u64);

impl Server {
    /// The server at a URL: its origin and path. A user name, a query or a fragment makes no other server of it. `None` if it is no URL.
    pub(super) fn at(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let origin = (url.scheme(), url.host_str(), url.port_or_known_default());
        Some(Self(ERAS.fingerprints.hash_one((origin, url.path()))))
    }

    /// The server that a command starts.
    pub(super) fn started_by(command: &Command) -> Self {
        Self(ERAS.fingerprints.hash_one(command.identity()))
    }

    pub(super) fn remember(self, era: Era) {
        let Some(mut servers) = servers() else { return };
        if servers.len() >= MAX_SERVERS && !servers.contains_key(&self) {
            servers.clear();
        }
        servers.insert(self, era);
    }

    pub(super) fn recall(self) -> Option<Era> {
        servers()?.get(&self).copied()
    }
}

/// The memory, unless somebody is at it. Nobody waits for that: in a forked child, a thread that it does not have may hold the lock.
fn servers() -> Option<MutexGuard<'static, HashMap<Server, Era>>> {
    match ERAS.servers.try_lock() {
        Ok(servers) => Some(servers),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_and_path_make_a_server() {
        let server = Server::at("http://example.org/mcp");
        for same in [
            "http://example.org:80/mcp",
            "HTTP://Example.org/mcp?key=secret",
            "http://user:secret@example.org/mcp#there",
        ] {
            assert_eq!(Server::at(same), server, "{same}");
        }
        for other in [
            "https://example.org/mcp",
            "http://example.org:8080/mcp",
            "http://example.org/other",
            "http://example.com/mcp",
        ] {
            assert_ne!(Server::at(other), server, "{other}");
        }
        assert_eq!(Server::at("mcp"), None);
    }

    #[test]
    fn memory_is_bounded() {
        for at in 0..3 * MAX_SERVERS {
            let server = Server::at(&format!("http://example.org/{at}")).unwrap();
            server.remember(Era::Handshake);
            assert_eq!(server.recall(), Some(Era::Handshake));
            assert!(servers().unwrap().len() <= MAX_SERVERS);
        }
    }
}
