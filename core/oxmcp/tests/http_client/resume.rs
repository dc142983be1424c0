use std::time::Duration;

use oxmcp::client::Call;
use oxmcp::{Client, ErrorKind, Method, ProtocolVersion, RawJson};
use serde_json::{Value, json};

use crate::peer::{
    Peer, Reply, Seen, accepted, events_response, handshake, response, result, settled, stream,
};

/// The beginning of a stream that can be resumed after the event `first`.
fn primed() -> String {
    events_response("id: first\nretry: 1\ndata:\n\n")
}

fn event(id: &str, message: &Value) -> String {
    format!("id: {id}\ndata: {message}\n\n")
}

fn done(id: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": "done"}]}})
}

/// A server of the handshake era whose streams of calls end with the answer to come: `on_call` begins one, and each time that it is to be
/// resumed `on_resume` hears after what, how often before, and which call waits.
fn losing(
    on_call: impl Fn() -> Reply + Send + 'static,
    on_resume: impl Fn(&str, usize, &Value) -> Reply + Send + 'static,
) -> Peer {
    let (mut call, mut times) = (Value::Null, 0);
    Peer::new(move |seen| match (seen.what().as_str(), seen.header("last-event-id")) {
        ("POST tools/call", _) => {
            call = seen.body["id"].clone();
            on_call()
        }
        ("POST answer" | "POST notifications/cancelled", _) => accepted(),
        ("GET", Some(after)) => {
            times += 1;
            on_resume(after, times - 1, &call)
        }
        _ => handshake(seen).unwrap(),
    })
}

async fn connect(peer: &Peer) -> Client {
    settled(Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25)).await.unwrap()
}

fn call() -> Call {
    let params = RawJson::of(&json!({"name": "slow", "arguments": {}})).unwrap();
    Call::new(Method::CallTool, params)
}

#[tokio::test]
async fn an_event_that_is_no_message_keeps_no_stream_from_going_on() {
    let peer = losing(
        || Reply::Last(primed() + "data: ping\n\n"),
        |_, _, id| Reply::Stuck(events_response(&event("second", &done(id)))),
    );
    let client = connect(&peer).await;
    let result = settled(client.call_tool("slow", json!({}))).await.unwrap();
    assert_eq!(result.joined_text(), "done");
}

#[tokio::test]
async fn a_stream_that_was_lost_goes_on_where_it_was() {
    let mut peer = losing(
        || Reply::Last(primed()),
        |after, _, id| {
            assert_eq!(after, "first");
            Reply::Stuck(events_response(&event("second", &done(id))))
        },
    );
    let client = connect(&peer).await;
    let result = settled(client.call_tool("slow", json!({}))).await.unwrap();
    assert_eq!(result.joined_text(), "done");
    peer.sees(&["POST initialize", "POST notifications/initialized", "POST tools/call"]).await;
    let resumed = peer.next().await;
    assert_eq!(resumed.what(), "GET");
    assert!(resumed.is_in_session());
    assert_eq!(resumed.header("accept"), Some("text/event-stream"));
    assert_eq!(resumed.header("mcp-protocol-version"), Some("2025-11-25"));
    settled(client.close()).await.unwrap();
    // It was answered, so nothing is cancelled.
    peer.sees(&["DELETE"]).await;
}

#[tokio::test]
async fn a_stream_is_resumed_until_the_answer() {
    let peer = losing(
        || Reply::Last(primed()),
        |after, times, id| match times {
            // The server is away for a moment.
            0 => Reply::Hang,
            1 => response("503 Service Unavailable", &[], ""),
            2 => response("429 Too Many Requests", &[], ""),
            // A poll without news, and one that breaks off in the middle of an event.
            3 => Reply::Last(events_response("id: polled\nretry: 1\n\n")),
            4 => {
                assert_eq!(after, "polled");
                Reply::Last(events_response("id: cut\ndata: {"))
            }
            5 => {
                assert_eq!(after, "polled");
                let progress = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}});
                Reply::Last(events_response(&event("third", &progress)))
            }
            _ => {
                assert_eq!(after, "third");
                Reply::Stuck(stream(&[done(id)]))
            }
        },
    );
    let client = connect(&peer).await;
    settled(client.call_tool("slow", json!({}))).await.unwrap();
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn what_comes_again_is_not_answered_again() {
    let ping = json!({"jsonrpc": "2.0", "id": "p", "method": "ping"});
    let (first, again) = (ping.clone(), ping.clone());
    let mut peer = losing(
        move || Reply::Last(events_response(&format!("retry: 1\n{}", event("first", &first)))),
        move |_, _, id| {
            let other = json!({"jsonrpc": "2.0", "id": "q", "method": "ping"});
            // An answer to something else, and one that comes twice, hurt nobody.
            let messages = [again.clone(), other, done(&json!(12345)), done(id), done(id)];
            Reply::Stuck(stream(&messages))
        },
    );
    let client = connect(&peer).await;
    settled(client.call_tool("slow", json!({}))).await.unwrap();
    settled(client.close()).await.unwrap();
    let answered: Vec<_> = peer.rest().into_iter().filter(|seen| seen.what() == "POST answer").collect();
    let ids: Vec<_> = answered.iter().map(|seen| &seen.body["id"]).collect();
    assert_eq!(ids, ["p", "q"]);
}

#[tokio::test]
async fn a_stream_that_cannot_be_resumed_settles_its_call() {
    type Refusal = fn() -> Reply;
    let refusals: [(&str, Refusal); 5] = [
        ("400", || response("400 Bad Request", &[], "no such event")),
        ("404", || response("404 Not Found", &[], "")),
        ("405", || response("405 Method Not Allowed", &[], "")),
        ("501", || response("501 Not Implemented", &[], "")),
        ("text/html", || response("200 OK", &[("Content-Type", "text/html")], "<html>")),
    ];
    for (what, refusal) in refusals {
        let peer = losing(|| Reply::Last(primed()), move |_, _, _| refusal());
        let client = connect(&peer).await;
        let error = settled(client.call_tool("slow", json!({}))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{what}: {error}");
        let told = error.to_string();
        assert!(told.contains("could not be resumed") && told.contains(what), "{what}: {told}");
        settled(client.close()).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_whose_stream_is_resumed_has_its_deadline() {
    let mut peer =
        losing(|| Reply::Last(primed()), |_, _, _| Reply::Last(events_response("id: again\nretry: 1\n\n")));
    let client = connect(&peer).await;
    let error = settled(client.call(call().timeout(Duration::from_millis(50)))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    settled(client.close()).await.unwrap();
    let rest = peer.rest();
    assert!(rest.iter().any(|seen| seen.what() == "POST notifications/cancelled"), "{rest:?}");
}

#[tokio::test]
async fn a_stream_without_ids_is_not_resumed() {
    for events in [": hello\n\n", "retry: 1\n\n", "id:\n\n", "id: 1\n\nid:\n\n", "id: 1\n"] {
        let mut peer = losing(|| Reply::Last(events_response(events)), |_, _, _| unreachable!());
        let client = connect(&peer).await;
        let error = settled(client.call_tool("slow", json!({}))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{events:?}: {error}");
        settled(client.close()).await.unwrap();
        assert!(peer.rest().iter().all(|seen| seen.header("last-event-id").is_none()), "{events:?}");
    }
}

#[tokio::test]
async fn a_stream_of_the_stateless_era_is_not_resumed() {
    let mut peer = Peer::new(|seen: &Seen| match seen.what().as_str() {
        "POST server/discover" => {
            result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}))
        }
        _ => Reply::Last(primed()),
    });
    let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
    let error = settled(client.call_tool("slow", json!({}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    settled(client.close()).await.unwrap();
    peer.sees(&["POST server/discover", "POST tools/call"]).await;
    assert!(peer.rest().is_empty());
}
