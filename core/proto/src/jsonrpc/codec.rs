use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::envelope::{Envelope, text};
use super::raw::write_on_one_line;
use super::scan::Fault;
use super::text::write_json_string;
use super::{
    ErrorObject, InvalidMessage, Message, MethodName, Notification, RawJson, Request, RequestId, Response,
    codes, exceeds_depth,
};

/// Bytes of a message that any part of it may keep alive.
const SMALL: usize = 4 * 1024;

/// The largest number of messages in one batch.
const MAX_BATCH: usize = 256;

/// Reads one message. The envelope is parsed once; `params` and `result` stay slices of `bytes`.
///
/// Strict where leniency would let two readers disagree: a duplicate key of the envelope, `null` as a request's id, an
/// envelope that is both request and response, and JSON deeper than `max_depth` are refused. Unknown members are
/// ignored. Case matters: `"Method"` is not `"method"`.
///
/// ```
/// use oxmcp_proto::jsonrpc::{parse, Message};
///
/// let message = parse(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.as_slice().into(), 128).unwrap();
/// assert!(matches!(message, Message::Request(request) if request.method.as_str() == "ping"));
/// ```
pub fn parse(bytes: Bytes, max_depth: usize) -> Result<Message, InvalidMessage> {
    read(bytes, max_depth, Keep::All)
}

/// The same for who counts what a message keeps alive by the length of its `params` or `result`: where that is far less than all of
/// `bytes`, which a slice would keep, it is copied.
pub fn parse_frugally(bytes: Bytes, max_depth: usize) -> Result<Message, InvalidMessage> {
    let keep = if bytes.len() > SMALL { Keep::Most(bytes.len()) } else { Keep::All };
    read(bytes, max_depth, keep)
}

/// What slices of a message may keep alive.
#[derive(Clone, Copy)]
enum Keep {
    /// All of it.
    All,
    /// So many bytes, if they are most of them themselves.
    Most(usize),
}

impl Keep {
    fn part(self, message: &Bytes, part: &str) -> RawJson {
        match self {
            Self::Most(all) if part.len() < all / 2 => {
                RawJson::from_written(Bytes::copy_from_slice(part.as_bytes()))
            }
            _ => RawJson::slice_of(message, part),
        }
    }
}

fn read(bytes: Bytes, max_depth: usize, keep: Keep) -> Result<Message, InvalidMessage> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        Some(b'[') => return parse_batch(&bytes, max_depth, keep),
        _ => return Err(not_json("the message is not a JSON object", false)),
    }
    parse_one(&bytes, max_depth, keep)
}

fn parse_batch(bytes: &Bytes, max_depth: usize, keep: Keep) -> Result<Message, InvalidMessage> {
    if exceeds_depth(bytes, max_depth) {
        return Err(too_deep(max_depth));
    }
    let Members { members, is_cut } =
        serde_json::from_slice(bytes).map_err(|error| not_json(&error.to_string(), true))?;
    if members.is_empty() || is_cut {
        return Err(invalid(format!("a batch holds 1 to {MAX_BATCH} messages")));
    }
    let one = |member: &RawValue| {
        if !member.get().starts_with('{') {
            let invalid = invalid("a batch holds objects only".into());
            return Err(InvalidMessage { looks_like_message: false, ..invalid });
        }
        parse_one(&bytes.slice_ref(member.get().as_bytes()), max_depth, keep)
    };
    Ok(Message::Batch(members.into_iter().map(one).collect()))
}

/// The members of a batch, as many as one may have: a batch of many small members must not take many times its size to refuse.
struct Members<'a> {
    members: Vec<&'a RawValue>,
    is_cut: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while members.len() < MAX_BATCH {
                    let Some(member) = seq.next_element()? else { break };
                    members.push(member);
                }
                let mut is_cut = false;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    is_cut = true;
                }
                Ok(Members { members, is_cut })
            }
        }

        deserializer.deserialize_seq(MembersVisitor)
    }
}

fn parse_one(bytes: &Bytes, max_depth: usize, keep: Keep) -> Result<Message, InvalidMessage> {
    let read = std::str::from_utf8(bytes).map_err(|_| Fault::Malformed);
    let envelope = match read.and_then(|json| Envelope::read(json, max_depth)) {
        Ok(envelope) => envelope,
        Err(Fault::TooDeep) => return Err(about(bytes, too_deep(max_depth))),
        Err(Fault::Malformed) => return Err(about(bytes, not_json(&what_is_wrong(bytes), true))),
    };
    let invalid = |message: &str| about(bytes, invalid(message.into()));
    let unreadable = |name: &str, error: serde_json::Error| {
        about(bytes, self::invalid(format!("`{name}`: {}", words(&error))))
    };
    if let Some(twice) = envelope.twice {
        return Err(invalid(&format!("duplicate field `{twice}`")));
    }
    if envelope.jsonrpc.map(text).transpose().ok().flatten().as_deref() != Some("2.0") {
        return Err(invalid("`jsonrpc` is not \"2.0\""));
    }
    let id: Option<Option<RequestId>> =
        envelope.id.map(serde_json::from_str).transpose().map_err(|error| unreadable("id", error))?;
    let method = envelope.method.map(text).transpose().map_err(|error| unreadable("method", error))?;
    let error: Option<ErrorObject> =
        envelope.error.map(serde_json::from_str).transpose().map_err(|error| unreadable("error", error))?;
    let is_response = envelope.result.is_some() || error.is_some();
    match (method, id) {
        (Some(_), _) if is_response => Err(invalid("the message has a method and a result or error")),
        (Some(_), Some(None)) => Err(invalid("the id of a request is null")),
        (Some(method), id) => {
            let params = match envelope.params {
                Some(params) if params.starts_with('{') => Some(keep.part(bytes, params)),
                Some(_) => return Err(invalid("`params` is not an object")),
                // MCP has parameters by name only; `null` is how some writers leave them out.
                None => None,
            };
            let method = MethodName::from(&*method);
            Ok(match id.flatten() {
                Some(id) => Message::Request(Request { id, method, params }),
                None => Message::Notification(Notification { method, params }),
            })
        }
        (None, id) => {
            let outcome = match (envelope.result, error) {
                (Some(result), None) => Ok(keep.part(bytes, result)),
                (None, Some(error)) => Err(error),
                (Some(_), Some(_)) => return Err(invalid("the response has both a result and an error")),
                (None, None) => return Err(invalid("the message has no method, result or error")),
            };
            let id = id.flatten();
            if id.is_none() && outcome.is_ok() {
                return Err(invalid("the response has no id"));
            }
            Ok(Message::Response(Response { id, outcome }))
        }
    }
}

/// Says why bytes are no JSON.
fn what_is_wrong(bytes: &[u8]) -> String {
    match serde_json::from_slice::<&RawValue>(bytes) {
        Err(error) => error.to_string(),
        Ok(_) => "a key is no text".to_owned(),
    }
}

/// What is wrong with a part of a message; where it stands there says nothing.
fn words(error: &serde_json::Error) -> String {
    let mut words = error.to_string();
    if let Some(position) = words.rfind(" at line ") {
        words.truncate(position);
    }
    words
}

/// The same with what can be read of a message that is wrong elsewhere, so that the error reaches the right call.
fn about(bytes: &[u8], invalid: InvalidMessage) -> InvalidMessage {
    let mut scanner = super::TopLevelId::default();
    scanner.feed(bytes);
    let looks_like_message = scanner.looks_like_message();
    InvalidMessage { id: scanner.id(), has_method: scanner.has_method(), looks_like_message, ..invalid }
}

fn invalid(message: String) -> InvalidMessage {
    InvalidMessage::new(ErrorObject::new(codes::INVALID_REQUEST, message))
}

fn not_json(message: &str, looks_like_json: bool) -> InvalidMessage {
    InvalidMessage { looks_like_json, ..InvalidMessage::new(ErrorObject::new(codes::PARSE_ERROR, message)) }
}

fn too_deep(max_depth: usize) -> InvalidMessage {
    not_json(&format!("the message is nested deeper than {max_depth} levels"), true)
}

/// Appends a request on one line; `params` writes the parameters object.
pub fn write_request(out: &mut Vec<u8>, id: &RequestId, method: &str, params: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    id.write(out);
    out.extend_from_slice(br#","method":"#);
    write_json_string(method, out);
    out.extend_from_slice(br#","params":"#);
    params(out);
    out.push(b'}');
}

/// Appends a notification on one line; `params` writes the parameters object.
pub fn write_notification(out: &mut Vec<u8>, method: &str, params: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","method":"#);
    write_json_string(method, out);
    out.extend_from_slice(br#","params":"#);
    params(out);
    out.push(b'}');
}

/// Appends a successful response on one line.
pub fn write_result(out: &mut Vec<u8>, id: &RequestId, result: &RawJson) {
    write_result_head(out, id);
    result.write_on_one_line(out);
    out.push(b'}');
}

/// Appends what comes before the result in a response; after it comes a brace.
pub fn write_result_head(out: &mut Vec<u8>, id: &RequestId) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    id.write(out);
    out.extend_from_slice(br#","result":"#);
}

/// Appends an error response on one line; without an id where the request's could not be read.
pub fn write_error(out: &mut Vec<u8>, id: Option<&RequestId>, error: &ErrorObject) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    match id {
        Some(id) => id.write(out),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(br#","error":{"code":"#);
    out.extend_from_slice(itoa::Buffer::new().format(error.code).as_bytes());
    out.extend_from_slice(br#","message":"#);
    write_json_string(&error.message, out);
    if let Some(data) = &error.data {
        out.extend_from_slice(br#","data":"#);
        write_on_one_line(data.as_bytes(), out);
    }
    out.extend_from_slice(b"}}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Message, InvalidMessage> {
        parse(Bytes::copy_from_slice(json.as_bytes()), 64)
    }

    #[test]
    fn params_and_results_are_slices_of_the_message() {
        let bytes = Bytes::from_static(br#"{"jsonrpc":"2.0","id":"a","method":"x/y","params":{"k": [1]}}"#);
        let Message::Request(request) = parse(bytes.clone(), 64).unwrap() else { panic!("not a request") };
        let params = request.params.unwrap();
        assert_eq!(params.as_str(), r#"{"k": [1]}"#);
        assert!(bytes.as_ptr_range().contains(&params.as_bytes().as_ptr()));
        assert_eq!(request.method, MethodName::Other("x/y".into()));
    }

    #[test]
    fn what_is_kept_frugally_of_a_message_does_not_keep_the_rest() {
        let padding = "x".repeat(100_000);
        let request = |params: &str, padding: &str| {
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x/y","params":{params},"x":"{padding}"}}"#)
        };
        let (small, large) = (r#"{"k":1}"#, format!(r#"{{"k":"{padding}"}}"#));
        for (message, is_slice) in [
            (request(small, ""), true),
            (request(small, &padding), false),
            (request(&large, ""), true),
            (format!("[{},{}]", request(small, ""), request("{}", &padding)), false),
        ] {
            let bytes = Bytes::from(message);
            let params = match parse_frugally(bytes.clone(), 64).unwrap() {
                Message::Request(Request { params, .. }) => params.unwrap(),
                Message::Batch(mut members) => match members.swap_remove(0) {
                    Ok(Message::Request(Request { params, .. })) => params.unwrap(),
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            };
            assert!([small, &large].contains(&params.as_str()));
            assert_eq!(bytes.as_ptr_range().contains(&params.as_bytes().as_ptr()), is_slice);
        }
    }

    #[test]
    fn an_id_has_a_limit() {
        let request = |length: usize| {
            read(&format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "i".repeat(length)))
        };
        assert!(matches!(request(1024), Ok(Message::Request(_))));
        let refused = request(1025).unwrap_err();
        assert_eq!((refused.error.code, refused.id), (codes::INVALID_REQUEST, None));
    }

    #[test]
    fn an_ambiguous_envelope_is_refused_with_its_id() {
        for json in [
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","method":"tools/call"}"#,
            r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":7,"Method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}"#,
        ] {
            let refused = read(json).unwrap_err();
            assert_eq!(refused.error.code, codes::INVALID_REQUEST, "{json}");
            assert_eq!(refused.id, Some(RequestId::Number(7)), "{json}");
        }
        assert!(read(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#).is_err());
    }

    #[test]
    fn bad_json_is_a_parse_error_and_noise_is_told_apart() {
        let half = read(r#"{"jsonrpc":"2.0","id":1,"method":"pi"#).unwrap_err();
        assert_eq!((half.error.code, half.looks_like_json), (codes::PARSE_ERROR, true));
        let noise = read("INFO listening").unwrap_err();
        assert_eq!((noise.error.code, noise.looks_like_json), (codes::PARSE_ERROR, false));
        let invalid_utf8 =
            parse(Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}"), 64);
        assert_eq!(invalid_utf8.unwrap_err().error.code, codes::PARSE_ERROR);
        let in_params = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"a\":\"\xff\"}}";
        assert_eq!(parse(Bytes::from_static(in_params), 64).unwrap_err().error.code, codes::PARSE_ERROR);
    }

    #[test]
    fn a_log_that_is_kept_in_json_is_told_from_messages() {
        for (json, answers, asks) in [
            (r#"{"level":"info","id":7,"msg":"listening"}"#, false, false),
            (r#"{"method":"GET","id":7,"path":"/"}"#, false, false),
            (r#"{"id":7,"result":{}}"#, true, false),
            (r#"{"id":7,"jsonrpc":"2.0","result":{"#, true, false),
            (r#"{"id":7,"jsonrpc":"2.0","method":"ping","params":{"#, false, true),
        ] {
            let refused = read(json).unwrap_err();
            assert_eq!((refused.answers().is_some(), refused.asks()), (answers, asks), "{json}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let deep = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}1{}}}}}"#,
            "[".repeat(62),
            "]".repeat(62)
        );
        assert!(read(&deep).is_ok());
        let deeper = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}1{}}}}}"#,
            "[".repeat(63),
            "]".repeat(63)
        );
        assert_eq!(read(&deeper).unwrap_err().error.code, codes::PARSE_ERROR);
    }

    #[test]
    fn a_batch_keeps_its_bad_members_in_place() {
        let Message::Batch(members) =
            read(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}, 1, {"jsonrpc":"2.0","method":"x"}]"#).unwrap()
        else {
            panic!("not a batch")
        };
        assert!(matches!(members[0], Ok(Message::Request(_))));
        assert!(members[1].is_err());
        assert!(matches!(members[2], Ok(Message::Notification(_))));
        assert!(read("[]").is_err());
    }

    #[test]
    fn a_batch_holds_as_many_members_as_it_may() {
        let batch = |count: usize| {
            let members = vec![r#"{"jsonrpc":"2.0","method":"x"}"#; count];
            read(&format!("[{}]", members.join(",")))
        };
        assert!(matches!(batch(MAX_BATCH), Ok(Message::Batch(members)) if members.len() == MAX_BATCH));
        assert_eq!(batch(MAX_BATCH + 1).unwrap_err().error.code, codes::INVALID_REQUEST);
    }

    #[test]
    fn what_is_written_is_read_back_and_stays_on_one_line() {
        let mut out = Vec::new();
        let pretty = RawJson::parse(&b"{\n  \"a\": \"x\\ny\"\r\n}"[..]).unwrap();
        write_result(&mut out, &RequestId::from("q\"1"), &pretty);
        assert!(!out.contains(&b'\n') && !out.contains(&b'\r'));
        let Message::Response(response) = parse(out.into(), 64).unwrap() else { panic!("not a response") };
        assert_eq!(response.id, Some(RequestId::from("q\"1")));
        let value: serde_json::Value = response.outcome.unwrap().to().unwrap();
        assert_eq!(value, serde_json::json!({"a": "x\ny"}));
    }
}
