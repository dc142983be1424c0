use std::fmt;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use tokio::runtime::Handle;

use super::next::End;
use super::room::{MAX_HELD, Room};
use super::{Carrier, Layer, LayerRequest, Next};
use crate::{Error, Result};

/// The layers of a client or a server, the outermost first. Clones are the same.
#[derive(Clone)]
pub(crate) struct Layers {
    stack: Arc<Stack>,
    /// What carries the messages that go through them.
    carrier: Carrier,
}

struct Stack {
    layers: Vec<Arc<dyn Layer>>,
    room: Arc<Room>,
}

/// How a request failed.
pub(crate) enum Failed<E> {
    /// What comes after the layers failed, and the layers let that stand.
    AtEnd(E),
    /// A layer failed it.
    InLayer(Error),
}

impl Layers {
    /// `outer`, and one more inside of them.
    pub(crate) fn with(outer: Option<&Self>, layer: impl Layer) -> Self {
        let mut layers = outer.map_or_else(Vec::new, |outer| outer.stack.layers.clone());
        layers.push(Arc::new(layer));
        let stack = Stack { layers, room: Arc::default() };
        Self { stack: Arc::new(stack), carrier: Carrier::Stream }
    }

    /// The same, for messages that something else carries.
    pub(crate) fn over(&self, carrier: Carrier) -> Self {
        Self { stack: self.stack.clone(), carrier }
    }

    pub(crate) fn carrier(&self) -> Carrier {
        self.carrier
    }

    pub(super) fn nth(&self, at: usize) -> Option<Arc<dyn Layer>> {
        self.stack.layers.get(at).cloned()
    }

    fn run(&self, request: LayerRequest, end: End) -> BoxFuture<'static, Result<RawJson>> {
        Next::new(self.clone(), end).run(request)
    }

    /// Takes a request through the layers, and `end` after them.
    pub(crate) fn through<F>(
        &self,
        request: LayerRequest,
        end: impl FnOnce(LayerRequest) -> F + Send + 'static,
    ) -> BoxFuture<'static, Result<RawJson>>
    where
        F: Future<Output = Result<RawJson>> + Send + 'static,
    {
        self.run(request, Box::new(move |request| end(request).boxed()))
    }

    /// Takes a request through the layers, and `end` after them. Layers see what `describe` says of an error of `end`; unless they make
    /// another of it, it comes back as it was.
    pub(crate) async fn around<E, F>(
        self,
        request: LayerRequest,
        describe: impl Fn(&E) -> Error + Clone + Send + 'static,
        end: impl FnOnce(LayerRequest) -> F + Send + 'static,
    ) -> Result<RawJson, Failed<E>>
    where
        E: Send + 'static,
        F: Future<Output = Result<RawJson, E>> + Send + 'static,
    {
        let kept = Arc::new(Mutex::new(None));
        let keep = kept.clone();
        let describe_end = describe.clone();
        let end: End = Box::new(move |request| {
            let ended = end(request).map(move |outcome| {
                outcome.map_err(|error| {
                    let described = describe_end(&error);
                    *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    described
                })
            });
            ended.boxed()
        });
        self.run(request, end).await.map_err(|error| {
            match kept.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(kept) if says_the_same(&describe(&kept), &error) => Failed::AtEnd(kept),
                _ => Failed::InLayer(error),
            }
        })
    }

    /// Takes a notification through the layers. Gives it, if it may go on at once. One that is held up goes to `later` when it may.
    pub(crate) fn admit(
        &self,
        notification: LayerRequest,
        runtime: &Handle,
        later: impl FnOnce(LayerRequest) + Send + 'static,
    ) -> Admitted {
        let mut passing = self.pass(notification);
        match (&mut passing).now_or_never() {
            Some(Some(notification)) => return Admitted::Now(notification),
            Some(None) => return Admitted::Stopped,
            None => {}
        }
        let Some(place) = self.stack.room.take() else {
            tracing::warn!(
                limit = MAX_HELD,
                "layers hold up so many notifications that there is no room for one"
            );
            return Admitted::Full;
        };
        runtime.spawn(async move {
            if let Some(notification) = passing.await {
                later(notification);
            }
            drop(place);
        });
        Admitted::Later
    }

    /// Waits until layers may hold up another notification.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.stack.room.poll(cx)
    }

    /// Takes a notification through the layers; `None` when it is to go no further.
    pub(crate) fn pass(&self, notification: LayerRequest) -> BoxFuture<'static, Option<LayerRequest>> {
        let passed = Arc::new(Mutex::new(None));
        let pass = passed.clone();
        let end: End = Box::new(move |notification| {
            *pass.lock().unwrap_or_else(PoisonError::into_inner) = Some(notification);
            ready(Ok(RawJson::empty_object())).boxed()
        });
        let method = notification.method_name().clone();
        self.run(notification, end)
            .map(move |outcome| match outcome {
                Ok(_) => passed.lock().unwrap_or_else(PoisonError::into_inner).take(),
                Err(error) => {
                    tracing::debug!(%error, %method, "a layer stopped a notification");
                    None
                }
            })
            .boxed()
    }
}

/// What becomes of a notification.
pub(crate) enum Admitted {
    /// It goes on.
    Now(LayerRequest),
    /// A layer holds it up.
    Later,
    /// It goes no further.
    Stopped,
    /// A layer wants to hold it up, and they hold up as many as they may.
    Full,
}

impl Admitted {
    /// The notification, if it goes on now.
    pub(crate) fn now(self) -> Option<LayerRequest> {
        match self {
            Self::Now(notification) => Some(notification),
            Self::Later | Self::Stopped | Self::Full => None,
        }
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers").field("count", &self.stack.layers.len()).finish()
    }
}

/// What a peer gets for an error of layers.
pub(crate) fn into_rpc(error: &Error) -> ErrorObject {
    error.rpc().cloned().unwrap_or_else(|| {
        tracing::error!(%error, "a request failed in a layer");
        ErrorObject::internal("the request failed in a layer of the receiver")
    })
}

fn says_the_same(one: &Error, other: &Error) -> bool {
    one.kind() == other.kind() && one.rpc() == other.rpc() && one.to_string() == other.to_string()
}
