use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};

/// Whether the body of a request is taken to be written to a connection: until then the server cannot have seen anything of the request.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    is_sent: AtomicBool,
    waiting: AtomicWaker,
}

impl Sending {
    /// Whether it is taken.
    pub(crate) fn is_sent(&self) -> bool {
        self.is_sent.load(Ordering::Acquire)
    }

    /// Waits until it is taken. One at a time.
    pub(crate) async fn sent(&self) {
        poll_fn(|cx| {
            self.waiting.register(cx.waker());
            if self.is_sent() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn take(&self) {
        self.is_sent.store(true, Ordering::Release);
        self.waiting.wake();
    }
}

/// The body of a request, which tells when it is sent if somebody wants to know.
pub(super) struct Outgoing {
    bytes: Bytes,
    sending: Option<Arc<Sending>>,
}

impl Outgoing {
    pub(super) fn new(bytes: Bytes, sending: Option<Arc<Sending>>) -> Self {
        Self { bytes, sending }
    }

    /// The same once more, for when it has to be sent again. Nobody hears of that.
    pub(super) fn again(&self) -> Self {
        Self { bytes: self.bytes.clone(), sending: None }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(sending) = self.sending.take() {
            sending.take();
        }
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
