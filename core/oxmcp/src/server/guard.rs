use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use oxmcp_proto::jsonrpc::ErrorObject;

use crate::connection::panic_words;

/// Runs a user's handler, whatever kind it is of, until it is done or dropped. A panic, before its future is there or in it, is logged and
/// answered as an internal error. Its own words stay here: they may hold what the peer must not see.
pub(super) async fn guard<F: Future>(
    kind: &'static str,
    handler: impl FnOnce() -> F,
) -> Result<F::Output, ErrorObject> {
    let work = async move { handler().await };
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| {
        tracing::error!(panic = panic_words(&*panic), "the handler of a {kind} panicked");
        ErrorObject::internal(format!("the {kind}'s handler panicked"))
    })
}
