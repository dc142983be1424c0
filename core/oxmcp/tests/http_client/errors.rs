//! What a server's errors hold comes as the server sent it, but for what nobody may see.

use std::sync::{Arc, Mutex};

use oxmcp::model::{ElicitAction, ElicitResult, ElicitUrlParams};
use oxmcp::{Client, Error, ProtocolVersion};
use serde_json::json;

use crate::peer::{Peer, Reply, Seen, handshake, response, settled};

/// The ways in which errors come: the status, and whether the body is a stream of events.
const WAYS: [(&str, bool); 3] = [("200 OK", false), ("200 OK", true), ("400 Bad Request", false)];

/// A server that refuses every call with an error with these data.
fn refusing(code: i64, data: &str, way: (&'static str, bool)) -> Peer {
    let data = data.to_owned();
    Peer::new(move |seen| handshake(seen).unwrap_or_else(|| refusal(seen, code, &data, way)))
}

fn refusal(seen: &Seen, code: i64, data: &str, (status, is_stream): (&str, bool)) -> Reply {
    let error = format!(r#"{{"code":{code},"message":"no","data":{data}}}"#);
    let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.body["id"]);
    match is_stream {
        true => response(status, &[("Content-Type", "text/event-stream")], &format!("data: {body}\n\n")),
        false => response(status, &[("Content-Type", "application/json")], &body),
    }
}

fn data(error: &Error) -> &str {
    error.rpc().unwrap().data.as_ref().unwrap().as_str()
}

#[tokio::test]
async fn a_page_is_shown_to_the_user_whatever_headers_its_url_repeats() {
    let url = "https://acme-corp.example.com/eu-west-1/connect";
    let page = json!({"mode": "url", "elicitationId": "a", "url": url, "message": "Connect acme-corp."});
    let pages = json!({"elicitations": [page]}).to_string();
    for way in WAYS {
        let peer = refusing(-32042, &pages, way);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let note = asked.clone();
        let decline = move |page: ElicitUrlParams| {
            note.lock().unwrap().push((page.url.to_string(), page.message));
            std::future::ready(ElicitResult::of(ElicitAction::Decline))
        };
        let connect = Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25);
        let connect = connect.header("X-Tenant", "acme-corp").header("X-Region", "eu-west-1");
        let client = settled(connect.on_url_elicitation(decline)).await.unwrap();
        let error = settled(client.call_tool("t", json!({}))).await.unwrap_err();
        assert_eq!(data(&error), pages, "{way:?}");
        assert_eq!(*asked.lock().unwrap(), [(url.to_owned(), "Connect acme-corp.".to_owned())], "{way:?}");
    }
}

#[tokio::test]
async fn data_come_byte_for_byte_and_without_the_token() {
    let plain = r#"{ "t":"a\nb\/c", "n":12345678901234567890123, "m":1e999, "n":0.10 }"#;
    let telling = r#"{ "t":"a\nb", "n":1e999, "sent":["Bearer given\/unseen"], "given/unseen":1 }"#;
    let concealed = r#"{ "t":"a\nb", "n":1e999, "sent":["Bearer (concealed)"], "(concealed)":1 }"#;
    for way in WAYS {
        for (sent, expected) in [(plain, plain), (telling, concealed)] {
            let peer = refusing(-32000, sent, way);
            let connect = Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25);
            let client = settled(connect.bearer_token("given/unseen")).await.unwrap();
            let error = settled(client.call_tool("t", json!({}))).await.unwrap_err();
            assert_eq!(data(&error), expected, "{way:?}");
        }
    }
}
