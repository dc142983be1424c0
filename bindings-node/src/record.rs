use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use oxmcp_bridge::{CallOptions, Operation};

/// Ends a record. JSON text never holds this character, and JavaScript sends no other text that does.
const SEPARATOR: u8 = 0x1e;

/// What JavaScript tells the core in one text, many records at a time. A record is fields, each ended by a space,
/// and then the rest, which may hold spaces:
///
/// ```text
/// c <client> <id> <operation> <timeout> <max timeout> <progress> <params JSON>   submit an operation
/// x <client> <id>                                                                cancel an operation
/// r <server> <call> <result JSON>                                                answer a tool call
/// t <server> <call> <text>                                                       answer it with one text block
/// e <server> <call> <message>                                                    answer it with an internal error
/// ```
///
/// Times are whole milliseconds, `-` stands for none; `progress` is `0` or `1`.
#[derive(Debug)]
pub(crate) enum Record {
    Submit { client: u32, id: u64, operation: Operation, options: CallOptions, params: Bytes },
    Cancel { client: u32, id: u64 },
    Result { server: u32, call: u64, json: Bytes },
    Text { server: u32, call: u64, text: String },
    InternalError { server: u32, call: u64, message: String },
}

impl Record {
    /// Reads one record. None when it is not one, which only a fault in the TypeScript layer could cause.
    fn parse(record: &Bytes) -> Option<Self> {
        let mut fields = Fields { rest: record.clone() };
        match &*fields.next()? {
            b"c" => Some(Self::Submit {
                client: fields.number()?,
                id: fields.number()?,
                operation: operation(&fields.next()?)?,
                options: CallOptions {
                    timeout: fields.duration()?,
                    max_timeout: fields.duration()?,
                    progress: &*fields.next()? == b"1",
                },
                params: fields.rest,
            }),
            b"x" => Some(Self::Cancel { client: fields.number()?, id: fields.number()? }),
            b"r" => {
                Some(Self::Result { server: fields.number()?, call: fields.number()?, json: fields.rest })
            }
            b"t" => {
                Some(Self::Text { server: fields.number()?, call: fields.number()?, text: fields.text()? })
            }
            b"e" => Some(Self::InternalError {
                server: fields.number()?,
                call: fields.number()?,
                message: fields.text()?,
            }),
            _ => None,
        }
    }
}

/// The records of a text, in order.
pub(crate) struct Records {
    rest: Bytes,
}

impl Records {
    pub(crate) fn new(text: String) -> Self {
        Self { rest: Bytes::from(text) }
    }
}

impl Iterator for Records {
    type Item = Option<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some(Record::parse(&split(&mut self.rest, SEPARATOR)))
    }
}

struct Fields {
    rest: Bytes,
}

impl Fields {
    fn next(&mut self) -> Option<Bytes> {
        Some(split(&mut self.rest, b' ')).filter(|field| !field.is_empty())
    }

    /// What is left.
    fn text(self) -> Option<String> {
        str::from_utf8(&self.rest).ok().map(str::to_owned)
    }

    fn number<T: FromStr>(&mut self) -> Option<T> {
        str::from_utf8(&self.next()?).ok()?.parse().ok()
    }

    /// `Some(None)` for `-`.
    fn duration(&mut self) -> Option<Option<Duration>> {
        let field = self.next()?;
        if &*field == b"-" {
            return Some(None);
        }
        str::from_utf8(&field)
            .ok()?
            .parse()
            .ok()
            .map(|milliseconds| Some(Duration::from_millis(milliseconds)))
    }
}

/// Takes what stands before the next `end` (or all of it), and leaves what follows.
fn split(rest: &mut Bytes, end: u8) -> Bytes {
    match memchr::memchr(end, rest) {
        Some(at) => {
            let head = rest.split_to(at);
            let _end = rest.split_to(1);
            head
        }
        None => std::mem::take(rest),
    }
}

fn operation(name: &[u8]) -> Option<Operation> {
    match name {
        b"list" => Some(Operation::ListTools),
        b"page" => Some(Operation::ListToolsPage),
        b"call" => Some(Operation::CallTool),
        b"ping" => Some(Operation::Ping),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Option<Record>> {
        Records::new(text.to_owned()).collect()
    }

    #[test]
    fn records_keep_their_order_and_their_spaces() {
        let records = read(
            "c 1 9 call 250 - 1 {\"name\":\"a b\"}\u{1e}x 1 9\u{1e}t 2 5 two words \u{1e}r 2 6 {}\u{1e}e 2 7 no good\u{1e}",
        );
        let [
            Some(Record::Submit { client: 1, id: 9, operation: Operation::CallTool, options, params }),
            Some(Record::Cancel { client: 1, id: 9 }),
            Some(Record::Text { server: 2, call: 5, text }),
            Some(Record::Result { server: 2, call: 6, json }),
            Some(Record::InternalError { server: 2, call: 7, message }),
        ] = &records[..]
        else {
            panic!("{records:?}")
        };
        assert_eq!(options.timeout, Some(Duration::from_millis(250)));
        assert_eq!(options.max_timeout, None);
        assert!(options.progress);
        assert_eq!(&**params, br#"{"name":"a b"}"#);
        assert_eq!(text, "two words ");
        assert_eq!(&**json, b"{}");
        assert_eq!(message, "no good");
    }

    #[test]
    fn an_empty_text_is_a_text() {
        assert!(matches!(&read("t 2 5 \u{1e}")[..], [Some(Record::Text { text, .. })] if text.is_empty()));
    }

    #[test]
    fn what_is_no_record_is_told_apart() {
        assert!(read("").is_empty());
        for text in ["q 1 2", "c 1", "x one 2", "c 1 2 nothing - - 0 {}", "c 1 2 call -5 - 0 {}"] {
            assert!(matches!(read(text)[..], [None]), "{text}");
        }
    }
}
