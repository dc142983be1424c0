use std::fmt;
use std::future::Future;

use futures_util::future::BoxFuture;

use super::{AuthInfo, NotVerified, TokenVerifier};
use crate::auth::Secret;

/// A function that tells whose a token is.
///
/// ```
/// use oxmcp::auth::{AuthInfo, NotVerified, Secret, VerifierFn};
///
/// let verifier = VerifierFn::new(|token: Secret, _resource: String| async move {
///     match token.expose() {
///         "letmein" => {
///             let mut info = AuthInfo::default();
///             info.subject = Some("a friend".to_owned());
///             Ok(info)
///         }
///         _ => Err(NotVerified::Invalid("nobody knows it".to_owned())),
///     }
/// });
/// ```
pub struct VerifierFn<F>(F);

impl<F, Fut> VerifierFn<F>
where
    F: Fn(Secret, String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<AuthInfo, NotVerified>> + Send + 'static,
{
    /// A verifier that asks `verify`, with the token and with the name of this server.
    pub fn new(verify: F) -> Self {
        Self(verify)
    }
}

impl<F, Fut> TokenVerifier for VerifierFn<F>
where
    F: Fn(Secret, String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<AuthInfo, NotVerified>> + Send + 'static,
{
    fn verify<'a>(
        &'a self,
        token: &'a Secret,
        resource: &'a str,
    ) -> BoxFuture<'a, Result<AuthInfo, NotVerified>> {
        Box::pin((self.0)(token.clone(), resource.to_owned()))
    }
}

impl<F> fmt::Debug for VerifierFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifierFn(..)")
    }
}
