use std::sync::Arc;

use bytes::Bytes;

use super::outbox::{End, Outbox};

/// Streams for listening that a session has at once. One more ends one that nobody reads, or else the oldest.
const MAX_LISTENERS: usize = 8;

/// Bytes of messages that wait in a session until its client listens again. Past it notifications are dropped and requests fail.
const MAX_BACKLOG: usize = 64 * 1024;

/// What became of a message that belongs to no request.
pub(super) enum Delivery {
    /// It is on this stream, whose event store does not know of it yet.
    On(Arc<Outbox>),
    /// It waits for whoever listens next.
    Waiting,
    /// Nobody listens or ever did, or there is no room.
    Lost,
}

/// The streams for listening of a session, and what waits for the next one. Messages that belong to no request go to exactly one of them
/// (2025-11-25, transports, "Multiple Connections"). All of this is done under the session's lock, so that whoever has called has to let the
/// streams be [kept](Outbox::keep). Before a client first listens, nothing waits for it.
#[derive(Default)]
pub(super) struct Listeners {
    streams: Vec<Arc<Outbox>>,
    backlog: Vec<Bytes>,
}

impl Listeners {
    /// Adds a stream. It gets what waited.
    pub(super) fn add(&mut self, outbox: Arc<Outbox>) {
        if self.streams.len() == MAX_LISTENERS {
            let left = self.streams.iter().position(|stream| stream.is_left()).unwrap_or(0);
            self.streams.remove(left).end(End::Silent);
        }
        self.hand_over(&outbox);
        self.streams.push(outbox);
    }

    /// Hands what waited to a stream that is read again.
    pub(super) fn hand_over(&mut self, outbox: &Outbox) {
        let mut waiting = std::mem::take(&mut self.backlog).into_iter();
        for message in waiting.by_ref() {
            if !outbox.put(|out| out.extend_from_slice(&message)) {
                self.backlog.push(message);
                break;
            }
        }
        self.backlog.extend(waiting);
    }

    /// Sends a message to whoever listens.
    pub(super) fn put(&mut self, write: impl Fn(&mut Vec<u8>)) -> Delivery {
        if let Some(stream) = self.streams.iter().rev().find(|stream| stream.put(&write)) {
            return Delivery::On(stream.clone());
        }
        if self.streams.is_empty() {
            return Delivery::Lost;
        }
        let mut message = Vec::new();
        write(&mut message);
        let waiting: usize = self.backlog.iter().map(Bytes::len).sum();
        if waiting + message.len() > MAX_BACKLOG {
            return Delivery::Lost;
        }
        self.backlog.push(message.into());
        Delivery::Waiting
    }

    /// The stream with a number.
    pub(super) fn stream(&self, number: u64) -> Option<&Arc<Outbox>> {
        self.streams.iter().find(|stream| stream.stream() == Some(number))
    }

    /// Whether anybody listens.
    pub(super) fn any(&self) -> bool {
        self.streams.iter().any(|stream| !stream.is_left())
    }

    /// Ends all streams.
    pub(super) fn end(&mut self) {
        for stream in std::mem::take(self).streams {
            stream.end(End::Silent);
        }
    }
}
