//! Server-sent events, as MCP uses them: each event's data is one JSON-RPC message.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};

/// The longest id of an event, in bytes, that a stream is resumed after. It travels back in a header.
const MAX_ID: usize = 4096;

/// A comment, which keeps a silent stream open.
pub(super) const KEEP_ALIVE: &[u8] = b":\n\n";

/// The longest silence on a stream before such a comment is sent.
pub(super) const MAX_SILENCE: Duration = Duration::from_secs(15);

/// Appends an event. `message` writes its data, on one line.
pub(super) fn write_event(out: &mut Vec<u8>, message: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"data: ");
    message(out);
    out.extend_from_slice(b"\n\n");
}

/// Reads events from the pieces a stream arrives in (HTML standard, "Interpreting an event stream").
///
/// Of events with a name, only those called `message` and `endpoint` count. It never holds more than one event, a piece, and the limit
/// allow.
#[derive(Debug)]
pub(super) struct SseParser {
    buffer: BytesMut,
    /// How far the buffer has been searched for a line's end.
    searched: usize,
    /// The last line ended in a carriage return; a line feed that follows belongs to it.
    after_return: bool,
    /// Nothing was read yet, so a byte order mark may come.
    at_start: bool,
    data: Data,
    name: Name,
    /// The id of the event that is being read, or of the last one that has one.
    id: Vec<u8>,
    /// The id after the last event that was read to its end.
    last_id: Vec<u8>,
    has_new_id: bool,
    has_id: bool,
    retry: Option<Duration>,
    limit: usize,
}

/// An event that carries data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A JSON-RPC message.
    Message(Bytes),
    /// Where a server of HTTP+SSE takes messages (2024-11-05, transports).
    Endpoint(Bytes),
}

#[derive(Debug, Default)]
enum Name {
    #[default]
    Message,
    Endpoint,
    Other,
}

/// The data of the event that is being read.
#[derive(Debug)]
enum Data {
    None,
    /// One line, which is still where it arrived.
    Line(Bytes),
    Lines(Vec<u8>),
}

/// An event is larger than the limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

impl SseParser {
    /// A parser of a stream whose events hold at most `limit` bytes of data.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            after_return: false,
            at_start: true,
            data: Data::None,
            name: Name::Message,
            id: Vec::new(),
            last_id: Vec::new(),
            has_new_id: false,
            has_id: false,
            retry: None,
            limit,
        }
    }

    /// Takes the next piece of the stream.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next event that is complete.
    pub(super) fn next(&mut self) -> Result<Option<Event>, TooLarge> {
        while let Some(line) = self.line() {
            if !line.is_empty() {
                self.field(line)?;
            } else if let Some(event) = self.event() {
                return Ok(Some(event));
            }
        }
        if self.buffer.len() + self.data.len() > self.limit.saturating_add("data: ".len()) {
            return Err(TooLarge);
        }
        Ok(None)
    }

    /// The id of the last event, if any had one. Empty if the stream cannot be resumed after it.
    pub(super) fn last_id(&self) -> Option<&[u8]> {
        self.has_id.then_some(&self.last_id[..])
    }

    /// How long the server wants its clients to wait before they connect again, if it said so.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn line(&mut self) -> Option<Bytes> {
        if self.at_start {
            const MARK: &[u8] = b"\xef\xbb\xbf";
            match self.buffer.len() {
                len if len < MARK.len() && MARK.starts_with(&self.buffer) => return None,
                _ if self.buffer.starts_with(MARK) => self.buffer.advance(MARK.len()),
                _ => {}
            }
            self.at_start = false;
        }
        if self.after_return && !self.buffer.is_empty() {
            self.after_return = false;
            if self.buffer[0] == b'\n' {
                self.buffer.advance(1);
            }
        }
        let Some(end) = memchr::memchr2(b'\n', b'\r', &self.buffer[self.searched..]) else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.searched + end).freeze();
        self.after_return = self.buffer[0] == b'\r';
        self.buffer.advance(1);
        self.searched = 0;
        Some(line)
    }

    fn field(&mut self, line: Bytes) -> Result<(), TooLarge> {
        let (name, mut value) = match memchr::memchr(b':', &line) {
            Some(colon) => (line.slice(..colon), line.slice(colon + 1..)),
            None => (line, Bytes::new()),
        };
        if value.first() == Some(&b' ') {
            value.advance(1);
        }
        match &name[..] {
            b"data" => {
                if self.data.len() + value.len() > self.limit {
                    return Err(TooLarge);
                }
                self.data.add_line(value);
            }
            b"event" => {
                self.name = match &value[..] {
                    b"" | b"message" => Name::Message,
                    b"endpoint" => Name::Endpoint,
                    _ => Name::Other,
                };
            }
            b"id" => self.take_id(&value),
            b"retry" => self.take_retry(&value),
            // A comment, or what nobody knows.
            _ => {}
        }
        Ok(())
    }

    fn take_id(&mut self, id: &[u8]) {
        if id.contains(&0) {
            return;
        }
        self.has_new_id = true;
        self.id.clear();
        if id.len() <= MAX_ID {
            self.id.extend_from_slice(id);
        }
    }

    fn take_retry(&mut self, retry: &[u8]) {
        let is_number = !retry.is_empty() && retry.iter().all(u8::is_ascii_digit);
        let millis =
            std::str::from_utf8(retry).ok().filter(|_| is_number).and_then(|retry| retry.parse().ok());
        if let Some(millis) = millis {
            self.retry = Some(Duration::from_millis(millis));
        }
    }

    fn event(&mut self) -> Option<Event> {
        // An event without data has an id all the same.
        if std::mem::take(&mut self.has_new_id) {
            std::mem::swap(&mut self.id, &mut self.last_id);
            self.has_id = true;
        }
        let name = std::mem::take(&mut self.name);
        let data = std::mem::replace(&mut self.data, Data::None).into_bytes()?;
        match name {
            _ if data.is_empty() => None,
            Name::Message => Some(Event::Message(data)),
            Name::Endpoint => Some(Event::Endpoint(data)),
            Name::Other => None,
        }
    }
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Line(line) => line.len(),
            Self::Lines(lines) => lines.len(),
        }
    }

    fn add_line(&mut self, line: Bytes) {
        let mut lines = match std::mem::replace(self, Self::None) {
            Self::None => {
                *self = Self::Line(line);
                return;
            }
            Self::Line(first) => Vec::from(first),
            Self::Lines(lines) => lines,
        };
        lines.push(b'\n');
        lines.extend_from_slice(&line);
        *self = Self::Lines(lines);
    }

    fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::None => None,
            Self::Line(line) => Some(line),
            Self::Lines(lines) => Some(lines.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(stream: &[u8], cuts: &[usize]) -> Vec<String> {
        let mut parser = SseParser::new(1024);
        let mut events = Vec::new();
        let mut start = 0;
        for end in cuts.iter().copied().chain([stream.len()]) {
            parser.push(&stream[start..end]);
            start = end;
            while let Some(event) = parser.next().unwrap() {
                if let Event::Message(data) = event {
                    events.push(String::from_utf8(data.to_vec()).unwrap());
                }
            }
        }
        events
    }

    /// Streams with the data they hold.
    const STREAMS: &[(&str, &[&str])] = &[
        ("data: a\n\ndata: b\n\n", &["a", "b"]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
        ("data: a\r\rdata: b\r\r", &["a", "b"]),
        ("data: a\r\n\rdata: b\n\r\n", &["a", "b"]),
        ("\u{feff}data: a\n\n", &["a"]),
        ("\u{feff}\u{feff}data: a\n\n", &[]),
        ("data:a\ndata:  b\ndata\ndata:\n\n", &["a\n b\n\n"]),
        (": hello\n\n:\n\ndata: a\n: in between\n\n", &["a"]),
        ("event: message\ndata: a\n\nevent: endpoint\ndata: /x\n\ndata: b\n\n", &["a", "b"]),
        ("id: 1\nretry: 10\ndata: \n\nid: 2\ndata: a\n\n", &["a"]),
        ("Data: x\ndatax: y\ndata : z\n\ndata: a\n\n", &["a"]),
        ("data: {\"a\": \"b: c\"}\n\n", &["{\"a\": \"b: c\"}"]),
        ("\n\n\r\n\ndata: a\n\n", &["a"]),
        ("data: ä世界\n\n", &["ä世界"]),
        ("data: a\n\ndata: the stream ends here", &["a"]),
        ("", &[]),
    ];

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        for (stream, events) in STREAMS {
            let stream = stream.as_bytes();
            assert_eq!(read(stream, &[]), *events, "{stream:?}");
            let every_byte: Vec<usize> = (0..stream.len()).collect();
            assert_eq!(read(stream, &every_byte), *events, "{stream:?}");
            for cut in 0..stream.len() {
                assert_eq!(read(stream, &[cut]), *events, "{stream:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_held_is_bounded() {
        let limit = 100;
        let exact = format!("data: {}\n\n", "x".repeat(limit));
        let mut parser = SseParser::new(limit);
        parser.push(exact.as_bytes());
        assert_eq!(parser.next(), Ok(Some(Event::Message("x".repeat(limit).into()))));
        for stream in [
            format!("data: {}\n\n", "x".repeat(limit + 1)),
            format!("data: {}", "x".repeat(limit + 1)),
            format!(": {}", "x".repeat(2 * limit)),
            format!("data: {}\n", "x".repeat(20)).repeat(6),
            "data:\n".repeat(2 * limit),
        ] {
            let mut parser = SseParser::new(limit);
            parser.push(stream.as_bytes());
            assert_eq!(parser.next(), Err(TooLarge), "{stream:?}");
        }
    }

    fn after(stream: &str) -> SseParser {
        let mut parser = SseParser::new(10_000);
        parser.push(stream.as_bytes());
        while parser.next().unwrap().is_some() {}
        parser
    }

    #[test]
    fn the_last_id_is_that_of_the_last_whole_event() {
        let long = format!("id: a\n\nid: {}\n\n", "x".repeat(MAX_ID + 1));
        for (stream, id) in [
            ("id:\ndata: a\n\n", ""),
            ("id: 1\ndata: a\n\n", "1"),
            ("id: 1\n\n", "1"),
            ("id: 1\nretry: 5\ndata: \n\n", "1"),
            ("id: 1\n\ndata: a\n\n", "1"),
            ("id: 1\n\nid: 2\ndata: the stream ends here", "1"),
            ("id: 1\nid: 2\n\n", "2"),
            ("id: 1\n\nid\n\n", ""),
            ("id: 1\n\nid: 2\0\n\n", "1"),
            ("id:ä 7 \n\n", "ä 7 "),
            ("event: ping\nid: 3\ndata: x\n\n", "3"),
            (&long, ""),
        ] {
            assert_eq!(after(stream).last_id(), Some(id.as_bytes()), "{stream:?}");
        }
        assert_eq!(after("data: a\n\nid: the stream ends here\n").last_id(), None);
    }

    #[test]
    fn a_retry_is_a_number_of_milliseconds() {
        for (stream, retry) in [
            ("", None),
            ("retry: 500\n", Some(500)),
            ("retry: 500\n\nretry: 0\n\n", Some(0)),
            ("retry: 500\nretry: soon\n\n", Some(500)),
            ("retry: +5\n\n", None),
            ("retry: -5\n\n", None),
            ("retry:\n\n", None),
            ("retry: 99999999999999999999999\n\n", None),
        ] {
            assert_eq!(after(stream).retry(), retry.map(Duration::from_millis), "{stream:?}");
        }
    }

    #[test]
    fn an_endpoint_is_told_from_messages() {
        let mut parser = SseParser::new(100);
        parser.push(b"event: endpoint\ndata: /x\n\ndata: a\n\n");
        assert_eq!(parser.next(), Ok(Some(Event::Endpoint("/x".into()))));
        assert_eq!(parser.next(), Ok(Some(Event::Message("a".into()))));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            messages in prop::collection::vec("[^\r\n]{1,40}", 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut stream = Vec::new();
            for message in &messages {
                write_event(&mut stream, |out| out.extend_from_slice(message.as_bytes()));
                stream.extend_from_slice(KEEP_ALIVE);
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.sort_unstable();
            prop_assert_eq!(read(&stream, &cuts), messages);
        }

        #[test]
        fn noise_is_survived(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10)) {
            let mut parser = SseParser::new(64);
            for piece in pieces {
                parser.push(&piece);
                while let Ok(Some(Event::Message(data) | Event::Endpoint(data))) = parser.next() {
                    prop_assert!(data.len() <= 64);
                }
                prop_assert!(parser.last_id().is_none_or(|id| id.len() <= 64 + "id: ".len()));
            }
        }
    }
}
