use bytes::{Buf, Bytes, BytesMut};
use oxmcp_proto::jsonrpc::{RequestId, TopLevelId};

/// Room made before each read.
const CHUNK: usize = 64 * 1024;

/// Cuts a stream of bytes into lines (2026-07-28, stdio: one message per line). A line over the limit is thrown away as it passes by,
/// and the rest of the stream stays readable.
#[derive(Debug)]
pub(crate) struct LineBuffer {
    buffer: BytesMut,
    /// How far the buffer has been searched for a line's end.
    searched: usize,
    limit: usize,
    skipping: Option<TopLevelId>,
}

/// What stands between two line ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A line without its end. Never blank.
    Line(Bytes),
    /// A line over the limit, with the JSON-RPC id it had, if any, and whether it had a method.
    TooLong { id: Option<RequestId>, has_method: bool },
}

impl LineBuffer {
    pub(crate) fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), searched: 0, limit, skipping: None }
    }

    /// The longest line, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Where to read into. It has room.
    pub(crate) fn space(&mut self) -> &mut BytesMut {
        if self.buffer.capacity() - self.buffer.len() < CHUNK / 4 {
            self.buffer.reserve(CHUNK);
        }
        &mut self.buffer
    }

    /// The next whole line, if one has arrived.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        loop {
            match memchr::memchr(b'\n', &self.buffer[self.searched..]) {
                Some(at) => {
                    let line = self.buffer.split_to(self.searched + at).freeze();
                    self.buffer.advance(1);
                    self.searched = 0;
                    if let Some(frame) = self.end_line(line) {
                        return Some(frame);
                    }
                }
                None => {
                    self.searched = self.buffer.len();
                    if self.skipping.is_some() || self.buffer.len() > self.limit {
                        self.skip();
                    }
                    return None;
                }
            }
        }
    }

    /// What stands after the last line's end when the stream is over.
    pub(crate) fn finish(&mut self) -> Option<Frame> {
        let line = self.buffer.split().freeze();
        self.searched = 0;
        self.end_line(line)
    }

    /// Throws away what has arrived of a line that is too long.
    fn skip(&mut self) {
        self.skipping.get_or_insert_default().feed(&self.buffer);
        self.buffer.clear();
        self.searched = 0;
        if self.buffer.capacity() > self.limit {
            self.buffer = BytesMut::new();
        }
    }

    fn end_line(&mut self, mut line: Bytes) -> Option<Frame> {
        if let Some(mut scanner) = self.skipping.take() {
            scanner.feed(&line);
            return Some(too_long(&scanner));
        }
        if line.len() > self.limit {
            let mut scanner = TopLevelId::default();
            scanner.feed(&line);
            return Some(too_long(&scanner));
        }
        if line.starts_with(b"\xef\xbb\xbf") {
            line.advance(3);
        }
        if line.ends_with(b"\r") {
            line.truncate(line.len() - 1);
        }
        (!line.iter().all(u8::is_ascii_whitespace)).then_some(Frame::Line(line))
    }
}

fn too_long(scanner: &TopLevelId) -> Frame {
    Frame::TooLong { id: scanner.id(), has_method: scanner.has_method() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(limit: usize, chunks: &[&[u8]]) -> Vec<Frame> {
        let mut lines = LineBuffer::new(limit);
        let mut frames = Vec::new();
        for chunk in chunks {
            lines.space().extend_from_slice(chunk);
            frames.extend(std::iter::from_fn(|| lines.next()));
        }
        frames.extend(lines.finish());
        frames
    }

    fn line(text: &'static str) -> Frame {
        Frame::Line(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn lines_come_out_whole_however_they_arrive() {
        let expected = [line("a"), line("bc"), line("d")];
        assert_eq!(frames(10, &[b"a\nbc\r\n\n  \nd"]), expected);
        assert_eq!(frames(10, &[b"\xef\xbb\xbfa", b"\nb", b"c\r", b"\n", b"\n", b"d\n"]), expected);
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_and_names_its_id() {
        let long = br#"{"jsonrpc":"2.0","id":5,"result":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#;
        let expected = [line("a"), Frame::TooLong { id: Some(5.into()), has_method: false }, line("b")];
        assert_eq!(frames(40, &[b"a\n", long, b"\nb\n"]), expected);
        let (head, tail) = long.split_at(45);
        assert_eq!(frames(40, &[b"a\n", head, tail, b"\nb\n"]), expected);
        assert_eq!(
            frames(4, &[b"12345\n1234\n"]),
            [Frame::TooLong { id: None, has_method: false }, line("1234")]
        );
    }
}
