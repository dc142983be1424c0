use std::time::Duration;

use oxmcp_proto::model::CacheScope;

/// For how long a client may consider a result fresh, and who may share it (2026-07-28, caching). Earlier revisions have no such hints.
///
/// The default is no time at all and nobody else: what is hinted beyond that, the program must know. A client that listens for changes is
/// told of them however long the time is; one that does not finds out when it is over.
///
/// ```
/// # use std::time::Duration;
/// use oxmcp::Server;
/// use oxmcp::server::{CachePolicy, List};
///
/// let server = Server::new("demo", "1.0.0").cache_list(List::Tools, CachePolicy::public(Duration::from_secs(300)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// How long it is fresh, in whole milliseconds.
    pub ttl: Duration,
    /// Who may reuse it.
    pub scope: CacheScope,
}

impl CachePolicy {
    /// Fresh for so long, and the same for everybody, whatever they are authorized to: shared caches may keep it and give it to anyone.
    pub const fn public(ttl: Duration) -> Self {
        Self { ttl, scope: CacheScope::Public }
    }

    /// Fresh for so long, for requests under the same authorization.
    pub const fn private(ttl: Duration) -> Self {
        Self { ttl, scope: CacheScope::Private }
    }

    /// The hint in whole milliseconds, of at most the integers that every language has.
    pub(super) fn ttl_ms(&self) -> u64 {
        const MAX: u64 = (1 << 53) - 1;
        u64::try_from(self.ttl.as_millis()).map_or(MAX, |ttl| ttl.min(MAX))
    }
}

impl Default for CachePolicy {
    fn default() -> Self {
        Self::private(Duration::ZERO)
    }
}
