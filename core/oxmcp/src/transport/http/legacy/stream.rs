use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::DuplexStream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::io::poll_read_buf;

use super::clients::Client;
use crate::transport::http::sse::{KEEP_ALIVE, MAX_SILENCE};

/// Bytes on their way to a client that its connection has not taken yet. What does not fit waits in the link, which has its own limit.
pub(super) const BUFFER: usize = 64 * 1024;

/// What the server says to one client, each line as an event.
pub(in crate::transport::http) struct LegacyStream {
    output: DuplexStream,
    read: BytesMut,
    first: Option<Vec<u8>>,
    /// The last piece ended in the middle of a line.
    in_line: bool,
    silence: Pin<Box<Sleep>>,
    over: bool,
    _client: Client,
}

impl LegacyStream {
    /// What comes out of `output`, after `first`.
    pub(super) fn new(client: Client, output: DuplexStream, first: Vec<u8>) -> Self {
        Self {
            output,
            read: BytesMut::new(),
            first: Some(first),
            in_line: false,
            silence: Box::pin(sleep(MAX_SILENCE)),
            over: false,
            _client: client,
        }
    }

    pub(in crate::transport::http) fn is_over(&self) -> bool {
        self.over
    }

    pub(in crate::transport::http) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        if self.over {
            return Poll::Ready(None);
        }
        self.read.clear();
        self.read.reserve(BUFFER);
        let events = match poll_read_buf(Pin::new(&mut self.output), cx, &mut self.read) {
            Poll::Ready(Ok(1..)) => self.as_events(),
            Poll::Ready(Ok(0) | Err(_)) => {
                self.over = true;
                return Poll::Ready(None);
            }
            Poll::Pending => {
                ready!(self.silence.as_mut().poll(cx));
                // A comment has no place inside a line.
                if self.in_line { Vec::new() } else { KEEP_ALIVE.to_vec() }
            }
        };
        self.silence.as_mut().reset(Instant::now() + MAX_SILENCE);
        if events.is_empty() {
            // The timer was moved, and has to be looked at again to wake this task.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(events))
    }

    /// What was read, with what stands before and after each line of it.
    fn as_events(&mut self) -> Vec<u8> {
        let mut events = Vec::with_capacity(self.read.len() + 64);
        for line in self.read.split_inclusive(|byte| *byte == b'\n') {
            if !self.in_line {
                events.extend_from_slice(b"event: message\ndata: ");
            }
            events.extend_from_slice(line);
            self.in_line = !line.ends_with(b"\n");
            if !self.in_line {
                events.push(b'\n');
            }
        }
        events
    }
}
