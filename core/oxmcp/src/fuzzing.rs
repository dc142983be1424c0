//! What the fuzz targets reach and users do not. It is there only where `cfg(fuzzing)` is set.

#![allow(missing_docs, reason = "nobody but the fuzz targets sees it")]

use bytes::{BufMut, Bytes};

use crate::transport::line::{Frame, LineBuffer};

pub use crate::transport::http::fuzzing::{Events, decode_header, encode_header, event, event_id, events};

/// The lines of a stream that arrives in pieces; `None` for one over the limit.
pub fn lines<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Option<Bytes>> {
    let mut buffer = LineBuffer::new(limit);
    let mut frames = Vec::new();
    for piece in pieces {
        buffer.space().put_slice(piece);
        frames.extend(std::iter::from_fn(|| buffer.next()));
    }
    frames.extend(buffer.finish());
    let line = |frame| match frame {
        Frame::Line(line) => Some(line),
        Frame::TooLong { .. } => None,
    };
    frames.into_iter().map(line).collect()
}
