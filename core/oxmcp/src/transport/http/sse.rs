//! Server-sent events, as MCP uses them: each event's data is one JSON-RPC message.

use bytes::{Buf, Bytes, BytesMut};

/// A comment, which keeps a silent stream open.
pub(super) const KEEP_ALIVE: &[u8] = b":\n\n";

/// Appends an event. `message` writes its data, on one line.
pub(super) fn write_event(out: &mut Vec<u8>, message: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"data: ");
    message(out);
    out.extend_from_slice(b"\n\n");
}

/// Reads events from the pieces a stream arrives in (HTML standard, "Interpreting an event stream").
///
/// Of events with a name, only those called `message` count. It never holds more than one event, a piece, and the limit allow.
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
    /// The event has a name that is none of a message.
    is_other: bool,
    limit: usize,
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
            is_other: false,
            limit,
        }
    }

    /// Takes the next piece of the stream.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The data of the next event that is complete.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, TooLarge> {
        while let Some(line) = self.line() {
            if !line.is_empty() {
                self.field(line)?;
            } else if let Some(data) = self.event() {
                return Ok(Some(data));
            }
        }
        if self.buffer.len() + self.data.len() > self.limit.saturating_add("data: ".len()) {
            return Err(TooLarge);
        }
        Ok(None)
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
            b"event" => self.is_other = !matches!(&value[..], b"" | b"message"),
            // A comment, `id`, `retry`, or what nobody knows.
            _ => {}
        }
        Ok(())
    }

    fn event(&mut self) -> Option<Bytes> {
        let is_other = std::mem::take(&mut self.is_other);
        let data = std::mem::replace(&mut self.data, Data::None).into_bytes()?;
        (!is_other && !data.is_empty()).then_some(data)
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
            while let Some(data) = parser.next().unwrap() {
                events.push(String::from_utf8(data.to_vec()).unwrap());
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
        assert_eq!(parser.next().unwrap().unwrap().len(), limit);
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
                while let Ok(Some(data)) = parser.next() {
                    prop_assert!(data.len() <= 64);
                }
            }
        }
    }
}
