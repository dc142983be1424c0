use super::RequestId;

/// The longest id that is remembered while scanning.
const MAX_ID: usize = 1024;

/// Finds the `id` of a JSON-RPC message that is too large to keep, while its bytes pass by.
///
/// It holds a few hundred bytes whatever the message's size, so that the call a giant answer belongs to can fail by name instead
/// of running into its deadline.
///
/// ```
/// use oxmcp_proto::jsonrpc::{RequestId, TopLevelId};
///
/// let mut scanner = TopLevelId::default();
/// scanner.feed(br#"{"result":{"id":1,"text":"a very long "#);
/// scanner.feed(br#" text"},"id":42}"#);
/// assert_eq!(scanner.id(), Some(RequestId::Number(42)));
/// ```
#[derive(Debug, Default)]
pub struct TopLevelId {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Whether the next string at the top level is a key.
    at_key: bool,
    /// Whether the value now passing by is the id's.
    in_id: bool,
    key: Vec<u8>,
    value: Vec<u8>,
    found: Option<RequestId>,
    has_method: bool,
    has_version: bool,
    has_outcome: bool,
}

impl TopLevelId {
    /// Reads on.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, after)) = bytes.split_first() {
            // Most of what is too large is one long string somewhere inside.
            if self.in_string && self.depth > 1 && !self.escaped {
                let Some(at) = memchr::memchr2(b'"', b'\\', bytes) else { return };
                self.step_in_string(bytes[at]);
                bytes = &bytes[at + 1..];
                continue;
            }
            self.step(byte);
            bytes = after;
        }
    }

    /// The id, once it has passed by.
    pub fn id(&self) -> Option<RequestId> {
        self.found.clone()
    }

    /// Whether a `method` has passed by, which no answer has.
    pub fn has_method(&self) -> bool {
        self.has_method
    }

    /// Whether what has passed by was meant as a message of JSON-RPC, right or wrong. Other JSON on a stream is somebody's log.
    pub(super) fn looks_like_message(&self) -> bool {
        self.has_version || (self.has_outcome && !self.has_method)
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            self.step_in_string(byte);
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                if self.depth == 1 && self.at_key {
                    self.key.clear();
                } else if self.in_id && self.depth == 1 {
                    self.value.push(byte);
                }
            }
            b'{' | b'[' => {
                self.depth += 1;
                self.at_key = self.depth == 1 && byte == b'{';
            }
            b'}' | b']' => {
                self.finish_value();
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if self.depth == 1 => {
                self.at_key = false;
                match &self.key[..] {
                    b"method" => self.has_method = true,
                    b"jsonrpc" => self.has_version = true,
                    b"result" | b"error" => self.has_outcome = true,
                    _ => {}
                }
                self.in_id = self.found.is_none() && self.key == b"id";
                self.value.clear();
            }
            b',' if self.depth == 1 => {
                self.finish_value();
                self.at_key = true;
            }
            _ if self.in_id && self.depth == 1 && self.value.len() < MAX_ID => self.value.push(byte),
            _ => {}
        }
    }

    fn step_in_string(&mut self, byte: u8) {
        let is_key = self.depth == 1 && self.at_key;
        let ends = byte == b'"' && !self.escaped;
        self.escaped = byte == b'\\' && !self.escaped;
        self.in_string = !ends;
        if is_key && !ends && self.key.len() < MAX_ID {
            self.key.push(byte);
        } else if self.in_id && self.depth == 1 && self.value.len() < MAX_ID {
            self.value.push(byte);
        }
    }

    fn finish_value(&mut self) {
        if self.in_id && self.depth == 1 {
            self.found = serde_json::from_slice(&self.value).ok();
            self.in_id = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(json: &str) -> Option<RequestId> {
        let mut scanner = TopLevelId::default();
        for byte in json.as_bytes() {
            scanner.feed(std::slice::from_ref(byte));
        }
        scanner.id()
    }

    #[test]
    fn the_pieces_in_which_a_message_arrives_make_no_difference() {
        let json = r#"{"result":{"s":"\"id\":2,{\\","t":["\\\"x","{"]},"x\"":"[","id":5}"#;
        for at in 0..=json.len() {
            let (head, tail) = json.as_bytes().split_at(at);
            let mut scanner = TopLevelId::default();
            scanner.feed(head);
            scanner.feed(tail);
            assert_eq!(scanner.id(), Some(5.into()), "cut at {at}");
        }
    }

    #[test]
    fn only_the_outermost_id_counts() {
        assert_eq!(id_of(r#"{"jsonrpc":"2.0","id": 3 ,"result":{}}"#), Some(3.into()));
        assert_eq!(id_of(r#"{"a":[{"id":1}],"s":"\"id\":2,","id":"x\"y"}"#), Some("x\"y".into()));
        assert_eq!(id_of(r#"{"result":{"id":1}}"#), None);
        assert_eq!(id_of(r#"[{"id":1}]"#), None);
        assert_eq!(id_of(r#"{"id":null}"#), None);
    }
}
