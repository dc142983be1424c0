use std::fmt;
use std::future::Future;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::RawJson;

use super::{Layer, LayerRequest, Next};
use crate::{Error, Result};

/// Makes a [`Layer`] of an async function of the message and of what comes next.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use oxmcp::layer::{LayerRequest, Next, from_fn};
/// use oxmcp::{Client, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), oxmcp::Error> {
/// let seen = Arc::new(AtomicUsize::new(0));
/// let count = {
///     let seen = seen.clone();
///     from_fn(move |mut request: LayerRequest, next: Next| {
///         let seen = seen.clone();
///         async move {
///             seen.fetch_add(1, Ordering::Relaxed);
///             request.set_meta("com.example/tenant", "blue")?;
///             next.run(request).await
///         }
///     })
/// };
/// let client = Client::connect(Server::new("demo", "1.0.0")).layer(count).await?;
/// client.ping().await?;
/// assert!(seen.load(Ordering::Relaxed) >= 2, "connecting is seen too");
/// # Ok(())
/// # }
/// ```
pub fn from_fn<F, Fut, E>(function: F) -> FromFn<F>
where
    F: Fn(LayerRequest, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<RawJson, E>> + Send + 'static,
    E: Into<Error>,
{
    FromFn(function)
}

/// The layer that [`from_fn`] makes.
#[derive(Clone)]
pub struct FromFn<F>(F);

impl<F, Fut, E> Layer for FromFn<F>
where
    F: Fn(LayerRequest, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<RawJson, E>> + Send + 'static,
    E: Into<Error> + 'static,
{
    fn call(&self, request: LayerRequest, next: Next) -> BoxFuture<'static, Result<RawJson>> {
        (self.0)(request, next).map(|outcome| outcome.map_err(Into::into)).boxed()
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").finish_non_exhaustive()
    }
}
