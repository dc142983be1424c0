use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

/// The body of a request. If asked to, it tells when it is taken to be written to a connection: until then the server cannot have seen
/// anything of the request.
pub(super) struct Outgoing {
    bytes: Bytes,
    sent: Option<oneshot::Sender<()>>,
}

impl Outgoing {
    pub(super) fn new(bytes: Bytes, sent: Option<oneshot::Sender<()>>) -> Self {
        Self { bytes, sent }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(sent) = self.sent.take() {
            // Whoever no longer listens has no use for it.
            let _ = sent.send(());
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
