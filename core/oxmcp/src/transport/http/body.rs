use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::event_body::EventBody;
use super::legacy::LegacyStream;

/// The body of a response of [`HttpService`](super::HttpService): all there at once, or a stream of events.
///
/// Dropping it before its end says that the client has gone.
pub struct HttpBody(Kind);

enum Kind {
    Full(Bytes),
    /// Pieces that are not copied together; the rest of them in reverse.
    Pieces(Vec<Bytes>),
    Events(Box<EventBody>),
    Legacy(Box<LegacyStream>),
}

impl HttpBody {
    pub(super) fn empty() -> Self {
        Self(Kind::Full(Bytes::new()))
    }

    pub(super) fn full(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Full(bytes.into()))
    }

    pub(super) fn pieces(pieces: impl IntoIterator<Item = Bytes, IntoIter: DoubleEndedIterator>) -> Self {
        Self(Kind::Pieces(pieces.into_iter().rev().collect()))
    }

    pub(super) fn events(events: EventBody) -> Self {
        Self(Kind::Events(Box::new(events)))
    }

    /// Ends it after so long, if it is a stream then.
    pub(super) fn end_after(&mut self, time: Duration) {
        if let Kind::Events(events) = &mut self.0 {
            events.end_after(time);
        }
    }

    pub(super) fn legacy(stream: LegacyStream) -> Self {
        Self(Kind::Legacy(Box::new(stream)))
    }
}

impl http_body::Body for HttpBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match &mut self.0 {
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then_some(bytes))
            }
            Kind::Pieces(rest) => Poll::Ready(rest.pop()),
            Kind::Events(events) => events.poll_next(cx).map(|events| events.map(Bytes::from)),
            Kind::Legacy(stream) => stream.poll_next(cx).map(|events| events.map(Bytes::from)),
        };
        data.map(|data| data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Pieces(rest) => rest.is_empty(),
            Kind::Events(events) => events.is_over(),
            Kind::Legacy(stream) => stream.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Pieces(rest) => SizeHint::with_exact(rest.iter().map(|piece| piece.len() as u64).sum()),
            Kind::Events(_) | Kind::Legacy(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for HttpBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Full(_) => "HttpBody::Full",
            Kind::Pieces(_) => "HttpBody::Pieces",
            Kind::Events(_) | Kind::Legacy(_) => "HttpBody::Events",
        })
    }
}
