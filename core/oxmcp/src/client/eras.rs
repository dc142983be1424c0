use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{LazyLock, Mutex, MutexGuard, TryLockError};

use oxmcp_proto::Era;
use oxmcp_proto::negotiation::Negotiated;
use url::Url;

use crate::Command;

/// The number of servers remembered; past it the memory starts anew.
const MAX_SERVERS: usize = 1024;

/// How each server turned out to be spoken to, for the life of this process: its next connection needs no probe (2026-07-28, versioning).
/// Only what the server said is remembered: one of both eras that was slow to start, or behind a proxy that could not reach it, would be
/// spoken to in the old one for ever.
static ERAS: LazyLock<Eras> = LazyLock::new(Eras::default);

#[derive(Default)]
struct Eras {
    servers: Mutex<HashMap<Server, Way>>,
    fingerprints: RandomState,
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In the manner of its era, over the transport that its address names.
    Era(Era),
    /// In that of the handshake era, over HTTP+SSE.
    Sse,
}

impl Way {
    pub(super) fn era(self) -> Era {
        match self {
            Self::Era(era) => era,
            Self::Sse => Era::Handshake,
        }
    }
}

/// What was agreed on with a server.
pub(super) struct Agreed {
    pub(super) negotiated: Negotiated,
    /// Whether the server's era follows from what it said. Otherwise from its silence, or from an error that may pass.
    pub(super) is_said: bool,
}

impl Agreed {
    /// How the server is to be spoken to from now on, if that is certain.
    pub(super) fn way(&self) -> Option<Way> {
        let era = self.negotiated.version.era();
        (self.is_said || era == Era::Stateless).then_some(Way::Era(era))
    }
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

    pub(super) fn remember(self, way: Way) {
        let Some(mut servers) = servers() else { return };
        if servers.len() >= MAX_SERVERS && !servers.contains_key(&self) {
            servers.clear();
        }
        servers.insert(self, way);
    }

    pub(super) fn recall(self) -> Option<Way> {
        servers()?.get(&self).copied()
    }
}

/// The memory, unless somebody is at it. Nobody waits for that: in a forked child, a thread that it does not have may hold the lock.
fn servers() -> Option<MutexGuard<'static, HashMap<Server, Way>>> {
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
            server.remember(Way::Sse);
            assert_eq!(server.recall(), Some(Way::Sse));
            assert!(servers().unwrap().len() <= MAX_SERVERS);
        }
    }
}
