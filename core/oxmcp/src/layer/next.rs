use std::fmt;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::RawJson;

use super::{LayerRequest, Layers};
use crate::connection::panic_words;
use crate::{Error, ErrorKind, Result};

/// What comes after the last layer.
pub(super) type End = Box<dyn FnOnce(LayerRequest) -> BoxFuture<'static, Result<RawJson>> + Send>;

/// What comes after a layer: the layers further in, and then what is done with the message.
pub struct Next {
    layers: Layers,
    /// The place of the next layer.
    at: usize,
    end: End,
}

impl Next {
    pub(super) fn new(layers: Layers, end: End) -> Self {
        Self { layers, at: 0, end }
    }

    /// Lets a message go on; the future has to be awaited. Its outcome is the result or the error of a request. The future of a notification is
    /// done when all further layers let it pass, with an empty object.
    ///
    /// The error of a request that the peer refused has an [`rpc`](Error::rpc); a request that this side makes can fail in other ways too.
    pub fn run(mut self, request: LayerRequest) -> BoxFuture<'static, Result<RawJson>> {
        let Some(layer) = self.layers.nth(self.at) else { return (self.end)(request) };
        self.at += 1;
        let method = request.method_name().clone();
        let called = AssertUnwindSafe(async move { layer.call(request, self).await }).catch_unwind();
        called
            .map(move |outcome| {
                outcome.unwrap_or_else(|panic| {
                    tracing::error!(panic = panic_words(&*panic), %method, "a layer panicked");
                    Err(Error::new(ErrorKind::Internal, "a layer panicked"))
                })
            })
            .boxed()
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("at", &self.at).finish_non_exhaustive()
    }
}
