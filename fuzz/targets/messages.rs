//! The codec: what it takes is JSON, a message that is read is read again from what is written for it, and the id that is found in a message
//! too large to read is the one that reading it would find.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use oxmcp_proto::jsonrpc::{
    Message, RawJson, RequestId, TopLevelId, parse, write_error, write_notification, write_request,
    write_result,
};
use serde_json::value::RawValue;

const DEPTH: usize = 64;

fuzz_target!(|data: &[u8]| {
    let whole = scan(data, data.len());
    for cut in [1, data.len() / 2] {
        assert_eq!(scan(data, cut.min(data.len())), whole, "the pieces it came in made a difference");
    }
    let parsed = parse(Bytes::copy_from_slice(data), DEPTH);
    let is_json = serde_json::from_slice::<&RawValue>(data).is_ok();
    assert!(is_json || parsed.is_err(), "what is no JSON was taken");
    assert_eq!(RawJson::parse(data.to_vec()).is_ok(), is_json);
    match parsed {
        Ok(Message::Batch(members)) => {
            for message in members.into_iter().flatten() {
                check(message);
            }
        }
        Ok(message) => {
            let read = match &message {
                Message::Request(request) => Some(&request.id),
                Message::Response(response) => response.id.as_ref(),
                _ => None,
            };
            // The scanner knows no keys that are written with escapes.
            if let (Some(found), Some(read)) = (&whole.0, read) {
                assert_eq!(found, read, "the scanner found another id");
            }
            check(message);
        }
        Err(invalid) => {
            assert!(!invalid.error.message.is_empty());
            let mut answer = Vec::new();
            write_error(&mut answer, invalid.id.as_ref(), &invalid.error);
            assert!(parse(answer.into(), DEPTH).is_ok(), "the answer to what is no message is no message");
        }
    }
});

fn scan(data: &[u8], cut: usize) -> (Option<RequestId>, bool) {
    let mut scanner = TopLevelId::default();
    let (head, tail) = data.split_at(cut);
    scanner.feed(head);
    scanner.feed(tail);
    (scanner.id(), scanner.has_method())
}

fn check(message: Message) {
    let mut written = Vec::new();
    match &message {
        Message::Request(request) => {
            write_request(&mut written, &request.id, request.method.as_str(), |out| {
                params(&request.params, out)
            });
        }
        Message::Notification(notification) => {
            write_notification(&mut written, notification.method.as_str(), |out| {
                params(&notification.params, out)
            });
        }
        Message::Response(response) => match (&response.outcome, &response.id) {
            (Ok(result), Some(id)) => write_result(&mut written, id, result),
            (Err(error), id) => write_error(&mut written, id.as_ref(), error),
            (Ok(_), None) => panic!("a result without an id"),
        },
        Message::Batch(_) => panic!("a batch in a batch"),
    }
    assert!(!written.contains(&b'\n'), "it takes more than one line");
    let read = parse(written.into(), DEPTH).expect("what was written cannot be read");
    assert_eq!(meaning(&read), meaning(&message));
}

fn params(params: &Option<RawJson>, out: &mut Vec<u8>) {
    match params {
        Some(params) => params.write_on_one_line(out),
        None => out.extend_from_slice(b"null"),
    }
}

/// A message with the line breaks in its raw parts, which are white space there, made spaces.
fn meaning(message: &Message) -> String {
    format!("{message:?}").replace(['\n', '\r'], " ")
}
