use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

/// Which forms of an answer the client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepts {
    /// `application/json`.
    pub(super) json: bool,
    /// `text/event-stream`.
    pub(super) events: bool,
}

impl Accepts {
    /// Both, which the spec asks of every client.
    const BOTH: Self = Self { json: true, events: true };

    /// Reads `Accept`. Without it, anything goes.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut accepts = Self { json: false, events: false };
        let mut values = headers.get_all(ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Self::BOTH;
        }
        for value in values {
            let value = value.as_bytes();
            if value == b"application/json, text/event-stream" {
                return Self::BOTH;
            }
            for range in value.split(|byte| *byte == b',') {
                accepts.add(range);
            }
        }
        accepts
    }

    fn add(&mut self, range: &[u8]) {
        let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let media_type = parts.next().unwrap_or_default();
        if parts.any(is_zero_weight) {
            return;
        }
        let is = |name: &str| media_type.eq_ignore_ascii_case(name.as_bytes());
        self.json |= is("application/json") || is("application/*") || is("*/*");
        self.events |= is("text/event-stream") || is("text/*") || is("*/*");
    }
}

/// Whether a parameter is `q=0`: not acceptable.
fn is_zero_weight(parameter: &[u8]) -> bool {
    match parameter {
        [b'q' | b'Q', b'=', weight @ ..] => {
            !weight.is_empty() && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
        }
        _ => false,
    }
}

/// Whether a content type is a media type, whatever its parameters.
pub(super) fn is_media_type(content_type: &HeaderValue, media_type: &str) -> bool {
    let essence = content_type.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(media_type.as_bytes())
}

/// Whether a message's content is JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|content_type| is_media_type(content_type, "application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(values: &[&str]) -> (bool, bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, value.parse().unwrap());
        }
        let accepts = Accepts::of(&headers);
        (accepts.json, accepts.events)
    }

    #[test]
    fn what_a_client_takes() {
        assert_eq!(accepts(&[]), (true, true));
        assert_eq!(accepts(&["*/*"]), (true, true));
        assert_eq!(accepts(&["application/json, text/event-stream"]), (true, true));
        assert_eq!(accepts(&["text/event-stream;q=0.9 , APPLICATION/JSON"]), (true, true));
        assert_eq!(accepts(&["application/json", "text/event-stream"]), (true, true));
        assert_eq!(accepts(&["application/json"]), (true, false));
        assert_eq!(accepts(&["text/event-stream"]), (false, true));
        assert_eq!(accepts(&["application/json;q=0, text/*"]), (false, true));
        assert_eq!(accepts(&["text/html, application/jsonx"]), (false, false));
        assert_eq!(accepts(&[""]), (false, false));
    }

    #[test]
    fn parameters_of_a_content_type_do_not_matter() {
        let is_json =
            |value: &'static str| is_media_type(&HeaderValue::from_static(value), "application/json");
        assert!(is_json("application/json") && is_json("Application/JSON ; charset=utf-8"));
        assert!(!is_json("text/plain") && !is_json("application/json-seq") && !is_json(""));
    }
}
