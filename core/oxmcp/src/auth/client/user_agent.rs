use std::future::Future;

use futures_util::future::BoxFuture;
use url::Url;

use crate::{Error, Result};

/// What takes a user to an authorization server and brings back the answer: a [`Browser`](super::Browser) for programs on their users'
/// machines, a [`Callback`] for those that have windows, or pages, of their own.
pub trait UserAgent: Send + Sync + 'static {
    /// Makes ready to hear the answer. `registered` are the redirect URIs with which the client is known to the server already: one of them
    /// is best, if it can be had.
    fn prepare<'a>(&'a self, registered: &'a [String]) -> BoxFuture<'a, Result<Box<dyn Visit>>>;
}

/// One visit of a user to an authorization server.
pub trait Visit: Send {
    /// Where the server sends the user afterwards.
    fn redirect_uri(&self) -> &str;

    /// Shows `url` to the user, and waits until the server sends them back: the URL to which it did, with its query.
    fn authorize(self: Box<Self>, url: Url) -> BoxFuture<'static, Result<Url>>;
}

/// A function of the program's own that shows a URL to the user and gives back the one to which they were redirected.
///
/// ```
/// use oxmcp::auth::Callback;
/// # async fn show(url: &str) -> String { String::new() }
///
/// let agent = Callback::new("com.example.app:/authorized", |url| async move {
///     let answer = show(url.as_str()).await;
///     answer.parse().map_err(|_| "the window was closed".into())
/// });
/// ```
pub struct Callback<F> {
    redirect_uri: String,
    show: F,
}

/// Why the user was not brought back.
pub type VisitError = Box<dyn std::error::Error + Send + Sync>;

impl<F, Fut> Callback<F>
where
    F: Fn(Url) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Url, VisitError>> + Send + 'static,
{
    /// Users come back to `redirect_uri`; `show` takes them to the server.
    pub fn new(redirect_uri: impl Into<String>, show: F) -> Self {
        Self { redirect_uri: redirect_uri.into(), show }
    }
}

impl<F, Fut> UserAgent for Callback<F>
where
    F: Fn(Url) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Url, VisitError>> + Send + 'static,
{
    fn prepare<'a>(&'a self, _registered: &'a [String]) -> BoxFuture<'a, Result<Box<dyn Visit>>> {
        let visit = CallbackVisit { redirect_uri: self.redirect_uri.clone(), show: self.show.clone() };
        Box::pin(async move { Ok(Box::new(visit) as Box<dyn Visit>) })
    }
}

struct CallbackVisit<F> {
    redirect_uri: String,
    show: F,
}

impl<F, Fut> Visit for CallbackVisit<F>
where
    F: Fn(Url) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Url, VisitError>> + Send + 'static,
{
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    fn authorize(self: Box<Self>, url: Url) -> BoxFuture<'static, Result<Url>> {
        Box::pin(async move {
            let answer = (self.show)(url).await;
            answer.map_err(|why| {
                Error::new(crate::ErrorKind::Unauthorized, "the user was not authorized").with_source(why)
            })
        })
    }
}
