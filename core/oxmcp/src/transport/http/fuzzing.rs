//! The parsers of HTTP, for the fuzz targets.

#![allow(missing_docs, reason = "nobody but the fuzz targets sees it")]

use std::time::Duration;

use http::HeaderValue;

use super::event_id::EventId;
use super::headers;
use super::sse::{Event, SseParser, write_event};

/// What came of reading a stream of events.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Events {
    pub data: Vec<Vec<u8>>,
    pub is_too_large: bool,
    pub last_id: Option<Vec<u8>>,
    pub retry: Option<Duration>,
}

/// Reads a stream of events that arrives in pieces.
pub fn events<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Events {
    let mut parser = SseParser::new(limit);
    let mut read = Events::default();
    'pieces: for piece in pieces {
        parser.push(piece);
        loop {
            match parser.next() {
                Ok(Some(Event::Message(data) | Event::Endpoint(data))) => read.data.push(data.to_vec()),
                Ok(None) => break,
                Err(_) => {
                    read.is_too_large = true;
                    break 'pieces;
                }
            }
        }
    }
    read.last_id = parser.last_id().map(<[u8]>::to_vec);
    read.retry = parser.retry();
    read
}

/// The event of a message.
pub fn event(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_event(&mut out, |out| out.extend_from_slice(message));
    out
}

pub fn decode_header(bytes: &[u8]) -> Option<String> {
    headers::decode(&HeaderValue::from_bytes(bytes).ok()?).map(Into::into)
}

pub fn encode_header(value: &str) -> Vec<u8> {
    headers::encode(value).as_bytes().to_vec()
}

/// The id of an event, written again.
pub fn event_id(bytes: &[u8]) -> Option<String> {
    EventId::parse(&HeaderValue::from_bytes(bytes).ok()?).map(|id| id.to_string())
}
