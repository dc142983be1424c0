use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::HttpBody;

/// How a connection is being used.
#[derive(Default)]
pub(super) struct Usage {
    /// Requests whose response is not handed over yet.
    exchanges: AtomicUsize,
    /// Something was read that is no request yet.
    pub(super) is_reading: AtomicBool,
    /// Something was written that is not flushed.
    pub(super) is_writing: AtomicBool,
    /// A request's body was not read to its end, so what is read next need not be a request.
    is_out_of_step: AtomicBool,
    /// Something happened since it was asked last.
    pub(super) is_used: AtomicBool,
}

impl Usage {
    pub(super) fn has_exchange(&self) -> bool {
        self.exchanges.load(Ordering::Relaxed) > 0
    }

    /// Whether nothing is under way, and nothing has happened since this was asked last.
    pub(super) fn rested(&self) -> bool {
        let is_set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        !self.is_used.swap(false, Ordering::Relaxed)
            && !self.has_exchange()
            && !is_set(&self.is_reading)
            && !is_set(&self.is_writing)
            && !is_set(&self.is_out_of_step)
    }
}

/// From a request's head to the end of its response's body.
pub(super) struct InUse(Arc<Usage>);

impl InUse {
    pub(super) fn begin(usage: &Arc<Usage>) -> Self {
        usage.exchanges.fetch_add(1, Ordering::Relaxed);
        Self(usage.clone())
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        // What was read was this exchange's. If the next request has begun to arrive, it is kept with the parked connection.
        self.0.is_reading.store(false, Ordering::Relaxed);
        self.0.is_used.store(true, Ordering::Relaxed);
        self.0.exchanges.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A response's body, which ends its exchange.
pub(super) struct ResponseBody {
    body: HttpBody,
    _exchange: InUse,
}

impl ResponseBody {
    pub(super) fn new(body: HttpBody, exchange: InUse) -> Self {
        Self { body, _exchange: exchange }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request's body, which notes when it is dropped before its end.
pub(super) struct RequestBody {
    body: Incoming,
    is_read: bool,
    usage: Arc<Usage>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, usage: Arc<Usage>) -> Self {
        Self { body, is_read: false, usage }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.is_read |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.is_read && !self.body.is_end_stream() {
            self.usage.is_out_of_step.store(true, Ordering::Relaxed);
        }
    }
}
