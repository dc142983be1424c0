use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use oxmcp::client::{Call, ServerList};
use oxmcp::{Client, ErrorKind, Limits, Method, ProtocolVersion, RawJson};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::peer::{
    Peer, Reply, Seen, accepted, error, events_response, handshake, initialized, response, result, settled,
    stream,
};

fn done(seen: &Seen) -> Reply {
    result(seen, json!({"content": [{"type": "text", "text": "done"}]}))
}

fn not_found() -> Reply {
    response("404 Not Found", &[], "")
}

/// A server that has forgotten every session but the latest, of which it opens the first two; `other` answers the rest.
fn forgetting(mut other: impl FnMut(&Seen, usize) -> Reply + Send + 'static) -> Peer {
    let mut sessions = 0;
    Peer::new(move |seen| match seen.what().as_str() {
        "POST initialize" => {
            assert_eq!(seen.header("mcp-session-id"), None);
            sessions += 1;
            let capabilities = json!({"tools": {}, "logging": {}, "resources": {"subscribe": true}});
            initialized(seen, &format!("s-{sessions}"), capabilities)
        }
        _ if seen.header("mcp-session-id") == Some("s-1") && sessions > 1 => not_found(),
        "POST notifications/initialized" => accepted(),
        "DELETE" => response("204 No Content", &[], ""),
        _ => other(seen, sessions),
    })
}

async fn connect(peer: &Peer) -> Client {
    settled(Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25)).await.unwrap()
}

fn no_listening(seen: &Seen) -> Option<Reply> {
    (seen.what() == "GET").then(|| response("405 Method Not Allowed", &[], ""))
}

fn call(method: Method, params: &Value) -> Call {
    Call::new(method, RawJson::of(params).unwrap())
}

#[tokio::test]
async fn a_call_goes_on_in_a_new_session() {
    let mut peer = forgetting(|seen, session| match session {
        _ if seen.what() == "GET" => response("405 Method Not Allowed", &[], ""),
        1 => not_found(),
        _ => done(seen),
    });
    let client = connect(&peer).await;
    peer.sees(&["POST initialize", "POST notifications/initialized"]).await;
    let result = settled(client.call_tool("any", json!({"a": 1}))).await.unwrap();
    assert_eq!(result.joined_text(), "done");
    let first = peer.next().await;
    assert_eq!((first.what().as_str(), first.header("mcp-session-id")), ("POST tools/call", Some("s-1")));
    let again = peer.next().await;
    assert_eq!(again.what(), "POST initialize");
    assert_eq!(again.body["params"]["protocolVersion"], "2025-11-25");
    let begun = peer.next().await;
    assert_eq!(
        (begun.what().as_str(), begun.header("mcp-session-id")),
        ("POST notifications/initialized", Some("s-2"))
    );
    let second = peer.next().await;
    assert_eq!((&second.body, second.header("mcp-session-id")), (&first.body, Some("s-2")));
    // The next call knows.
    settled(client.call_tool("any", json!({}))).await.unwrap();
    settled(client.close()).await.unwrap();
    peer.sees(&["POST tools/call"]).await;
    assert_eq!(peer.next().await.header("mcp-session-id"), Some("s-2"));
    assert!(peer.rest().is_empty());
}

#[tokio::test]
async fn many_calls_share_one_new_session() {
    let mut peer = forgetting(|seen, session| match session {
        _ if seen.what() == "GET" => response("405 Method Not Allowed", &[], ""),
        1 => not_found(),
        _ => done(seen),
    });
    let client = connect(&peer).await;
    let calls = (0..30).map(|_| client.call_tool("any", json!({})).into_future());
    for result in settled(join_all(calls)).await {
        assert_eq!(result.unwrap().joined_text(), "done");
    }
    settled(client.close()).await.unwrap();
    let rest = peer.rest();
    assert_eq!(rest.iter().filter(|seen| seen.what() == "POST initialize").count(), 2);
    let answered: HashSet<_> = rest
        .iter()
        .filter(|seen| seen.what() == "POST tools/call" && seen.header("mcp-session-id") == Some("s-2"))
        .map(|seen| seen.body["id"].to_string())
        .collect();
    assert_eq!(answered.len(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_takes_its_time_holds_up_no_other_call() {
    let mut first = None;
    let peer = forgetting(move |seen, session| match session {
        _ if seen.what() == "GET" => response("405 Method Not Allowed", &[], ""),
        1 => match first.take() {
            None => {
                let (answer, reply) = oneshot::channel();
                first = Some(answer);
                Reply::Late(reply)
            }
            // Both calls meet the end of their session.
            Some(answer) => {
                let Reply::Bytes(bytes) = not_found() else { unreachable!() };
                answer.send(bytes).unwrap();
                not_found()
            }
        },
        _ => done(seen),
    });
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let client = Client::connect(peer.url.as_str())
        .only(ProtocolVersion::V2025_11_25)
        .on_list_changed(move |_, _| {
            // It ends with the sender.
            let _ = tokio::task::block_in_place(|| may_go_on.lock().unwrap().recv());
        })
        .await
        .unwrap();
    let mut calls: FuturesUnordered<_> =
        (0..2).map(|_| client.call_tool("any", json!({})).into_future()).collect();
    assert_eq!(settled(calls.next()).await.unwrap().unwrap().joined_text(), "done");
    drop(go_on);
    assert_eq!(settled(calls.next()).await.unwrap().unwrap().joined_text(), "done");
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn a_call_that_the_new_session_does_not_know_is_not_cancelled_in_it() {
    let (opening, mut opened) = mpsc::unbounded_channel();
    let mut sessions = 0;
    let mut peer = Peer::new(move |seen| match seen.what().as_str() {
        "POST initialize" => {
            sessions += 1;
            let reply = initialized(seen, &format!("s-{sessions}"), json!({"tools": {}}));
            let Reply::Bytes(bytes) = &reply else { unreachable!() };
            if sessions == 1 {
                return reply;
            }
            let (open, late) = oneshot::channel();
            opening.send((open, bytes.clone())).unwrap();
            Reply::Late(late)
        }
        "POST tools/call" if sessions == 1 => not_found(),
        "POST tools/call" => done(seen),
        _ => handshake(seen).unwrap_or_else(accepted),
    });
    let client = connect(&peer).await;
    let call = tokio::spawn(client.call_tool("given up", json!({})).into_future());
    let (open, bytes) = settled(opened.recv()).await.unwrap();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let _ = open.send(bytes);
    settled(client.call_tool("other", json!({}))).await.unwrap();
    settled(client.close()).await.unwrap();
    let cancelled = peer.all().into_iter().filter(|seen| seen.what() == "POST notifications/cancelled");
    assert_eq!(cancelled.count(), 0);
}

#[tokio::test]
async fn a_server_that_knows_no_session_is_not_asked_for_ever() {
    for body in ["", r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"unknown session"}}"#] {
        let mut peer = Peer::new(move |seen| match seen.what().as_str() {
            "POST tools/call" => response("404 Not Found", &[("Content-Type", "application/json")], body),
            _ => handshake(seen).unwrap(),
        });
        let client = connect(&peer).await;
        let error = settled(client.call_tool("any", json!({}))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        assert!(error.to_string().contains("session"), "{error}");
        settled(client.close()).await.unwrap();
        peer.sees(&["POST initialize", "POST notifications/initialized", "POST tools/call"]).await;
        peer.sees(&["POST initialize", "POST notifications/initialized", "POST tools/call", "DELETE"]).await;
        assert!(peer.rest().is_empty());
    }
}

#[tokio::test]
async fn without_a_new_session_the_call_fails_and_the_next_one_tries_again() {
    type Refusal = fn(&Seen) -> Reply;
    let refusals: [(Refusal, ErrorKind, &str); 4] = [
        (|_| response("503 Service Unavailable", &[], "later"), ErrorKind::Closed, "503"),
        (|_| response("401 Unauthorized", &[], ""), ErrorKind::Unauthorized, "401"),
        (|seen| error("200 OK", seen, -32603), ErrorKind::Closed, "refused to negotiate"),
        (
            |seen| {
                let result = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "serverInfo": {"name": "p", "version": "0"}});
                let body = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result}).to_string();
                let headers = [("Content-Type", "application/json"), ("Mcp-Session-Id", "other")];
                response("200 OK", &headers, &body)
            },
            ErrorKind::Closed,
            "2025-03-26",
        ),
    ];
    for (refusal, kind, words) in refusals {
        let (mut lost, mut times) = (false, 0);
        let mut peer = Peer::new(move |seen| match seen.what().as_str() {
            "POST initialize" => {
                times += 1;
                if times == 2 {
                    refusal(seen)
                } else {
                    initialized(seen, &format!("s-{times}"), json!({"tools": {}}))
                }
            }
            "POST tools/call" if !std::mem::replace(&mut lost, true) => not_found(),
            "POST tools/call" if seen.header("mcp-session-id") == Some("s-1") => not_found(),
            "POST tools/call" => done(seen),
            _ => handshake(seen).unwrap(),
        });
        let limits = Limits::with(|it| it.retries = 0);
        let connecting = Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25).limits(limits);
        let client = settled(connecting).await.unwrap();
        let failed = settled(client.call_tool("any", json!({}))).await.unwrap_err();
        assert_eq!(failed.kind(), kind, "{failed}");
        assert!(!failed.may_have_run());
        assert!(failed.to_string().contains(words), "{failed}");
        settled(client.call_tool("any", json!({}))).await.unwrap();
        settled(client.close()).await.unwrap();
        let rest = peer.rest();
        assert!(rest.iter().all(|seen| seen.what() != "POST notifications/cancelled"), "{rest:?}");
        // What was opened in vain is ended.
        let ended =
            rest.iter().any(|seen| seen.what() == "DELETE" && seen.header("mcp-session-id") == Some("other"));
        assert_eq!(ended, words == "2025-03-26");
    }
}

#[tokio::test]
async fn what_a_new_session_asks_at_once_is_answered_in_it() {
    let mut times = 0;
    let mut peer = Peer::new(move |seen| match seen.what().as_str() {
        "POST initialize" => {
            times += 1;
            initialized(seen, &format!("s-{times}"), json!({"tools": {}}))
        }
        // It is never accepted, so the session never becomes that of the calls.
        "POST notifications/initialized" if times == 2 => Reply::Stuck(String::new()),
        "POST tools/call" => not_found(),
        "POST answer" | "POST notifications/cancelled" => accepted(),
        "GET" if seen.header("mcp-session-id") == Some("s-2") => {
            let asked = json!({"jsonrpc": "2.0", "id": "q", "method": "ping"});
            Reply::Stuck(stream(&[asked]))
        }
        _ => handshake(seen).unwrap(),
    });
    let client = connect(&peer).await;
    let call = tokio::spawn(client.call_tool("any", json!({})).into_future());
    let answer = loop {
        let seen = peer.next().await;
        if seen.what() == "POST answer" {
            break seen;
        }
    };
    assert_eq!(answer.header("mcp-session-id"), Some("s-2"));
    // Nor does the session stay that was opened in vain.
    settled(client.close()).await.unwrap();
    assert_eq!(settled(call).await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    let mut ended: Vec<_> = peer
        .rest()
        .iter()
        .filter(|seen| seen.what() == "DELETE")
        .filter_map(|seen| seen.header("mcp-session-id").map(str::to_owned))
        .collect();
    ended.sort();
    ended.dedup();
    assert_eq!(ended, ["s-1", "s-2"]);
}

#[tokio::test]
async fn a_new_session_that_the_server_cannot_open_now_is_tried_again() {
    let mut times = 0;
    let peer = Peer::new(move |seen| match seen.what().as_str() {
        "POST initialize" => {
            times += 1;
            match times {
                2 | 3 => response("503 Service Unavailable", &[], "later"),
                _ => initialized(seen, &format!("s-{times}"), json!({"tools": {}})),
            }
        }
        "POST tools/call" if seen.header("mcp-session-id") == Some("s-1") => not_found(),
        "POST tools/call" => done(seen),
        _ => handshake(seen).unwrap(),
    });
    let client = connect(&peer).await;
    settled(client.call_tool("any", json!({}))).await.unwrap();
}

#[tokio::test]
async fn a_method_that_is_not_found_is_no_lost_session() {
    let mut peer = Peer::new(|seen| match seen.what().as_str() {
        "POST tools/call" => error("404 Not Found", seen, -32601),
        _ => handshake(seen).unwrap(),
    });
    let client = connect(&peer).await;
    let failed = settled(client.call_tool("any", json!({}))).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Rpc);
    settled(client.close()).await.unwrap();
    peer.sees(&["POST initialize", "POST notifications/initialized", "POST tools/call", "DELETE"]).await;
}

#[tokio::test]
async fn a_new_session_is_what_the_old_one_was() {
    let mut peer = forgetting(|seen, session| match seen.what().as_str() {
        "POST tools/call" if session == 1 => not_found(),
        "POST tools/call" => done(seen),
        "GET" => no_listening(seen).unwrap(),
        _ => result(seen, json!({})),
    });
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let client = Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25);
    let client = client.on_resource_updated(move |uri, _| tell.send(uri).unwrap());
    let client = settled(client).await.unwrap();
    for uri in ["x:a", "x:b", "x:c"] {
        settled(client.call(call(Method::SubscribeResource, &json!({"uri": uri})))).await.unwrap();
    }
    settled(client.call(call(Method::UnsubscribeResource, &json!({"uri": "x:b"})))).await.unwrap();
    for level in ["info", "error"] {
        settled(client.call(call(Method::SetLogLevel, &json!({"level": level})))).await.unwrap();
    }
    settled(client.call_tool("any", json!({}))).await.unwrap();
    let mut restored = HashSet::new();
    while restored.len() < 3 {
        let seen = peer.next().await;
        if seen.header("mcp-session-id") == Some("s-2") && seen.what() != "POST tools/call" {
            let params = &seen.body["params"];
            restored.insert(format!("{} {}{}", seen.what(), params["uri"], params["level"]));
        }
        restored.remove("POST notifications/initialized nullnull");
    }
    let expected = [
        r#"POST resources/subscribe "x:a"null"#,
        r#"POST resources/subscribe "x:c"null"#,
        r#"POST logging/setLevel null"error""#,
    ];
    assert_eq!(restored, HashSet::from(expected.map(str::to_owned)));
    let changed = HashSet::from([settled(told.recv()).await.unwrap(), settled(told.recv()).await.unwrap()]);
    assert_eq!(
        changed,
        HashSet::from(["x:a", "x:c"].map(str::to_owned)),
        "what changed meanwhile was not told"
    );
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn whoever_listens_goes_on_in_a_new_session() {
    let mut streams = 0;
    let mut peer = forgetting(move |seen, session| match (seen.what().as_str(), session) {
        ("GET", 1) => {
            streams += 1;
            match streams {
                1 => Reply::Last(events_response("retry: 1\nid: 1\ndata:\n\n")),
                _ => not_found(),
            }
        }
        ("GET", _) => Reply::Stuck(events_response("")),
        _ => result(seen, json!({"tools": []})),
    });
    let client = connect(&peer).await;
    assert_eq!(peer.next_listening().await.header("last-event-id"), None);
    assert_eq!(peer.next_listening().await.header("last-event-id"), Some("1"));
    // A call does not wait, but who only listens does.
    settled(client.list_tools()).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(600)).await;
    tokio::time::resume();
    let listening = peer.next_listening().await;
    assert_eq!(listening.header("mcp-session-id"), Some("s-2"));
    assert_eq!(listening.header("last-event-id"), None);
    settled(client.list_tools()).await.unwrap();
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn a_stream_of_the_server_begins_anew_with_the_session() {
    let mut peer = forgetting(|seen, session| match seen.what().as_str() {
        "GET" => Reply::Stuck(events_response("id: 1\ndata:\n\n")),
        "POST tools/call" if session == 1 => not_found(),
        _ => done(seen),
    });
    let client = connect(&peer).await;
    assert_eq!(peer.next_listening().await.header("mcp-session-id"), Some("s-1"));
    settled(client.call_tool("any", json!({}))).await.unwrap();
    let again = peer.next_listening().await;
    assert_eq!((again.header("mcp-session-id"), again.header("last-event-id")), (Some("s-2"), None));
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn lists_may_be_others_in_a_new_session() {
    let peer = forgetting(|seen, session| match seen.what().as_str() {
        "GET" => no_listening(seen).unwrap(),
        "POST tools/call" if session == 1 => not_found(),
        _ => done(seen),
    });
    let (tell, mut told) = mpsc::unbounded_channel();
    let connecting = Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25);
    let client = settled(connecting.on_list_changed(move |list, _| tell.send(list).unwrap())).await.unwrap();
    settled(client.call_tool("any", json!({}))).await.unwrap();
    assert_eq!(told.try_recv(), Ok(ServerList::Tools), "before the call goes on");
    assert_eq!(told.try_recv(), Ok(ServerList::Resources));
    assert!(told.try_recv().is_err(), "the server has no prompts");
    settled(client.close()).await.unwrap();
}
