use futures_util::future::BoxFuture;

use super::AuthInfo;
use crate::auth::Secret;

/// What tells whose a token is: a [`JwtVerifier`](super::JwtVerifier), an [`Introspection`](super::Introspection), or a function of one's own
/// ([`VerifierFn`](super::VerifierFn)).
pub trait TokenVerifier: Send + Sync + 'static {
    /// Whose `token` is, if it was issued for the server that is called `resource` and is good now.
    ///
    /// A token that was issued for another server has to be refused, however good it is there (2026-07-28, authorization security, "Access
    /// Token Privilege Restriction"). A panic is as good as [`Unavailable`](NotVerified::Unavailable), and so is an answer that takes
    /// longer than 15 seconds.
    fn verify<'a>(
        &'a self,
        token: &'a Secret,
        resource: &'a str,
    ) -> BoxFuture<'a, Result<AuthInfo, NotVerified>>;
}

/// Why a token opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotVerified {
    /// The token is no good, for the reason given. The client hears of it with HTTP 401, and gets another.
    #[error("the token is not accepted: {0}")]
    Invalid(String),
    /// It could not be found out: who knows could not be asked. The client hears of it with HTTP 503, and tries again; the reason is logged
    /// alone.
    #[error("tokens cannot be checked now: {0}")]
    Unavailable(String),
}
