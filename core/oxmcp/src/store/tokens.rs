use futures_util::future::BoxFuture;

use crate::Result;
use crate::auth::Secret;

/// Where a client keeps what authorization servers gave it: tokens, and its registrations. Several clients may share one, in one process or,
/// if it is a [`FileTokens`](super::FileTokens) or one of your own, in many.
///
/// Keys and values are text; what it means is the client's affair. Keys tell clients, and the accounts that a program names
/// ([`Authorization::account`](crate::auth::Authorization::account)), from each other; users who are not named are one. Values are secrets: keep them where only their user gets at them.
pub trait TokenStore: Send + Sync + 'static {
    /// What is kept under `key`.
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Secret>>>;

    /// Keeps `value` under `key`, or nothing any more. When it is done, it is kept for good: a client that was given a new refresh token has
    /// no other.
    fn write<'a>(&'a self, key: &'a str, value: Option<Secret>) -> BoxFuture<'a, Result<()>>;

    /// Waits until nobody else who shares the store holds `key`, and holds it until the lock is dropped. Only one client at a time asks for
    /// new tokens so, and the others use what it got. A client may hold several keys, each with a lock of its own: while its user looks at a
    /// page, it holds one for that, and takes another when tokens are refreshed. The lock must go when its holder does, however that ends.
    fn lock<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<TokenLock>>;
}

/// Holds a key of a [`TokenStore`] until it is dropped.
pub struct TokenLock(#[expect(dead_code, reason = "it is held to be dropped")] Box<dyn Send>);

impl TokenLock {
    /// A lock that is held by `guard`, whatever that is: dropping it lets the key go.
    pub fn new(guard: impl Send + 'static) -> Self {
        Self(Box::new(guard))
    }
}
