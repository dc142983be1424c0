use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{LazyLock, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use oxmcp_proto::Era;
use oxmcp_proto::negotiation::Negotiated;
use url::Url;

use crate::{Command, clock};

/// The number of servers remembered; past it the memory starts anew.
const MAX_SERVERS: usize = 1024;

/// How long a way is remembered that follows from nothing that the server said. One of both eras that was slow to start, or behind a proxy
/// that could not reach it, must not be spoken to in the old one for ever; an old one that ignores probes must not be waited for each time.
const GUESS_LIFE: Duration = Duration::from_secs(5 * 60);

/// How each server turned out to be spoken to, for the life of this process: its next connection needs no probe (2026-07-28, versioning).
static ERAS: LazyLock<Eras> = LazyLock::new(Eras::default);

#[derive(Default)]
struct Eras {
    servers: Mutex<HashMap<Server, Memory>>,
    fingerprints: RandomState,
}

#[derive(Clone, Copy)]
struct Memory {
    way: Way,
    /// `None` is for ever.
    until: Option<Instant>,
}

impl Memory {
    /// What it says at some moment.
    fn at(self, now: Instant) -> Option<Way> {
        self.until.is_none_or(|until| now < until).then_some(self.way)
    }
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

    /// Remembers what the server said.
    pub(super) fn remember(self, way: Way) {
        self.keep(Memory { way, until: None });
    }

    /// Remembers for a while what its silence, or an error that may pass, led to.
    pub(super) fn guess(self, way: Way) {
        self.keep(Memory { way, until: Some(clock::now() + GUESS_LIFE) });
    }

    fn keep(self, memory: Memory) {
        ERAS.keep(self, memory);
    }

    pub(super) fn recall(self) -> Option<Way> {
        ERAS.servers()?.get(&self)?.at(clock::now())
    }
}

impl Eras {
    fn keep(&self, server: Server, memory: Memory) {
        let Some(mut servers) = self.servers() else { return };
        if servers.len() >= MAX_SERVERS && !servers.contains_key(&server) {
            servers.clear();
        }
        servers.insert(server, memory);
    }

    /// The memory, unless somebody is at it. Nobody waits for that: in a forked child, a thread that it does not have may hold the lock.
    fn servers(&self) -> Option<MutexGuard<'_, HashMap<Server, Memory>>> {
        match self.servers.try_lock() {
            Ok(servers) => Some(servers),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
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
    fn a_guess_is_forgotten_and_what_was_said_is_not() {
        let way = Way::Era(Era::Handshake);
        let now = Instant::now();
        let guessed = Memory { way, until: Some(now + GUESS_LIFE) };
        assert_eq!(guessed.at(now), Some(way));
        assert_eq!(guessed.at(now + GUESS_LIFE), None);
        let said = Memory { way, until: None };
        assert_eq!(said.at(now + GUESS_LIFE), Some(way));
    }

    #[test]
    fn memory_is_bounded() {
        // One of its own: in the process's, other tests are at work.
        let eras = Eras::default();
        let memory = Memory { way: Way::Sse, until: None };
        for at in 0..3 * MAX_SERVERS {
            let server = Server::at(&format!("http://example.org/{at}")).unwrap();
            eras.keep(server, memory);
            let servers = eras.servers().unwrap();
            assert!(servers.contains_key(&server));
            assert!(servers.len() <= MAX_SERVERS);
        }
    }
}
