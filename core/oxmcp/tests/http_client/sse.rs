use std::time::Duration;

use futures_util::future::join_all;
use oxmcp::client::Call;
use oxmcp::{Client, ErrorKind, Limits, Method, ProtocolVersion, RawJson};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::peer::{Peer, Reply, Seen, accepted, events_response, response, settled};

const ENDPOINT: &str = "event: endpoint\ndata: /messages?session=a\n\n";

/// A server of HTTP+SSE. `on_call` hears of calls, and where the server's events go; without its sender, the stream ends.
fn server(
    mut on_call: impl FnMut(&Seen, &mut Option<mpsc::UnboundedSender<String>>) -> Reply + Send + 'static,
) -> Peer {
    let mut events = None;
    Peer::new(move |seen| {
        let is_stream = seen.head.contains(" /mcp/");
        let is_endpoint = seen.head.contains(" /messages?session=a ");
        match seen.what().as_str() {
            "GET" if is_stream => {
                let (sender, receiver) = mpsc::unbounded_channel();
                sender.send(ENDPOINT.to_owned()).unwrap();
                events = Some(sender);
                Reply::Events(receiver)
            }
            _ if !is_endpoint => response("405 Method Not Allowed", &[], ""),
            "POST initialize" => {
                let server_info = json!({"name": "old", "version": "0"});
                let result = json!({"protocolVersion": "2024-11-05", "capabilities": {"tools": {}}, "serverInfo": server_info});
                say(&events, &answer(seen, &result));
                accepted()
            }
            "POST notifications/initialized" => accepted(),
            _ => on_call(seen, &mut events),
        }
    })
}

fn say(events: &Option<mpsc::UnboundedSender<String>>, message: &Value) {
    let _ = events.as_ref().unwrap().send(format!("event: message\ndata: {message}\n\n"));
}

fn answer(seen: &Seen, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result})
}

fn done() -> Value {
    json!({"content": [{"type": "text", "text": "done"}]})
}

#[tokio::test]
async fn a_server_that_refuses_posts_is_spoken_to_in_the_old_way() {
    let before = Handle::current().metrics().num_alive_tasks();
    let mut peer = server(|seen, events| {
        let progress = json!({"progressToken": seen.body["id"], "progress": 1});
        say(events, &json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}));
        say(events, &answer(seen, &done()));
        accepted()
    });
    for round in 0..2 {
        let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
        assert_eq!(client.protocol_version(), ProtocolVersion::V2024_11_05);
        assert_eq!(client.server_info().name, "old");
        let (heard, mut progress) = mpsc::unbounded_channel();
        let call = client.call_tool("any", json!({})).on_progress(move |it| heard.send(it.progress).unwrap());
        assert_eq!(settled(call).await.unwrap().joined_text(), "done");
        assert_eq!(progress.recv().await, Some(1.0));
        settled(client.close()).await.unwrap();
        assert_eq!(Handle::current().metrics().num_alive_tasks(), before, "it ends with the client");
        if round == 0 {
            peer.sees(&["POST server/discover", "POST initialize"]).await;
        }
        // The second connection knows.
        let opened = peer.next_listening().await;
        assert_eq!(opened.header("accept"), Some("text/event-stream"));
        peer.sees(&["POST initialize", "POST notifications/initialized", "POST tools/call"]).await;
        assert!(peer.all().is_empty());
    }
}

#[tokio::test]
async fn an_endpoint_elsewhere_is_not_followed() {
    let elsewhere = Peer::new(|_| accepted());
    let endpoint = format!("event: endpoint\ndata: {}\n\n", elsewhere.url);
    let peer = Peer::new(move |seen| match seen.what().as_str() {
        "GET" => Reply::Stuck(events_response(&endpoint)),
        _ => response("405 Method Not Allowed", &[], ""),
    });
    let error = settled(Client::connect(peer.url.as_str())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    let mut elsewhere = elsewhere;
    assert!(elsewhere.all().is_empty());
}

#[tokio::test]
async fn who_has_no_endpoint_is_told_what_it_refused() {
    type Answer = fn() -> Reply;
    let answers: [(&str, Answer); 6] = [
        ("nothing", || response("405 Method Not Allowed", &[], "")),
        ("HTML", || response("200 OK", &[("Content-Type", "text/html")], "<html>")),
        ("a message", || Reply::Stuck(events_response("data: {}\n\n"))),
        ("an end", || Reply::Last(events_response(": hello\n\n"))),
        ("silence", || Reply::Stuck(events_response(": hello\n\n"))),
        ("no head", || Reply::Stuck(String::new())),
    ];
    for (what, reply) in answers {
        let peer = Peer::new(move |seen| match seen.what().as_str() {
            "GET" => reply(),
            _ => response("404 Not Found", &[], "no such page"),
        });
        let limits = Limits::with(|it| it.probe = Duration::from_millis(50));
        let error = settled(Client::connect(peer.url.as_str()).limits(limits)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{what}: {error}");
        assert!(error.to_string().contains("no such page"), "{what}: {error}");
    }
}

#[tokio::test]
async fn only_a_refusal_leads_to_the_old_way() {
    let modern = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32020, "message": "no"}});
    for (status, body) in [
        ("401 Unauthorized", String::new()),
        ("403 Forbidden", String::new()),
        ("503 Service Unavailable", String::new()),
        ("400 Bad Request", modern.to_string()),
    ] {
        let mut peer = Peer::new(move |_| response(status, &[("Content-Type", "application/json")], &body));
        settled(Client::connect(peer.url.as_str())).await.unwrap_err();
        assert!(peer.all().iter().all(|seen| seen.what() != "GET"), "{status}");
    }
    // Nor is there an old way for a revision that is newer.
    let mut peer = server(|_, _| unreachable!());
    let connecting = Client::connect(peer.url.as_str()).only(ProtocolVersion::V2026_07_28);
    settled(connecting).await.unwrap_err();
    assert!(peer.all().iter().all(|seen| seen.what() != "GET"));
}

#[tokio::test]
async fn every_call_settles_when_the_stream_ends() {
    let mut calls = 0;
    let peer = server(move |_, events| {
        calls += 1;
        if calls == 5 {
            *events = None;
        }
        accepted()
    });
    let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
    let calls = (0..5).map(|_| client.call_tool("any", json!({})).into_future());
    for outcome in settled(join_all(calls)).await {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        assert!(error.to_string().contains("stream of events"), "{error}");
    }
    settled(client.closed()).await;
}

#[tokio::test]
async fn a_message_that_is_refused_fails_its_call_alone() {
    let peer = server(|seen, events| match seen.body["params"]["name"].as_str() {
        Some("bad") => response("500 Internal Server Error", &[], "out of order"),
        Some("locked") => response("401 Unauthorized", &[], ""),
        Some("wrong") => {
            let error =
                json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32602, "message": "no such tool"}});
            response("400 Bad Request", &[("Content-Type", "application/json")], &error.to_string())
        }
        Some("odd") => response("400 Bad Request", &[], "what?"),
        Some("lost") => response("404 Not Found", &[], "forgotten"),
        _ => {
            say(events, &answer(seen, &done()));
            accepted()
        }
    });
    let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
    for (name, kind, words) in [
        ("bad", ErrorKind::Overloaded, ["500", "out of order"]),
        ("locked", ErrorKind::Unauthorized, ["401", "authorization"]),
        ("wrong", ErrorKind::Rpc, ["no", "such"]),
        ("odd", ErrorKind::Protocol, ["400", "what?"]),
        ("lost", ErrorKind::Closed, ["404", "forgotten"]),
    ] {
        let error = settled(client.call_tool(name, json!({}))).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{name}: {error}");
    }
    assert_eq!(settled(client.call_tool("good", json!({}))).await.unwrap().joined_text(), "done");
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn a_server_may_ask_before_it_accepts_a_call() {
    let mut call = Value::Null;
    let mut peer = server(move |seen, events| match seen.what().as_str() {
        "POST tools/call" => {
            call = answer(seen, &done());
            say(events, &json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}));
            // It accepts nothing before it has served it.
            Reply::Stuck(String::new())
        }
        _ => {
            say(events, &call);
            accepted()
        }
    });
    let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
    assert_eq!(settled(client.call_tool("any", json!({}))).await.unwrap().joined_text(), "done");
    settled(client.close()).await.unwrap();
    let answered = peer.all().into_iter().find(|seen| seen.what() == "POST answer").unwrap();
    assert_eq!(answered.body, json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
}

/// A server that accepts each call only when it has served it, after its client has answered a question. `calls` are let in at once.
fn late_server(calls: usize) -> Peer {
    const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    let mut asked = Vec::new();
    server(move |seen, events| match seen.what().as_str() {
        "POST tools/call" => {
            let (accept, reply) = oneshot::channel();
            asked.push((seen.body["id"].clone(), accept));
            if asked.len() == calls {
                for (id, _) in &asked {
                    say(events, &json!({"jsonrpc": "2.0", "id": id, "method": "ping"}));
                }
            }
            Reply::Late(reply)
        }
        "POST answer" => {
            let at = asked.iter().position(|(id, _)| *id == seen.body["id"]).unwrap();
            let (_, accept) = asked.remove(at);
            say(events, &answer(seen, &done()));
            let _ = accept.send(ACCEPTED.to_owned());
            accepted()
        }
        _ => accepted(),
    })
}

#[tokio::test]
async fn answers_get_through_beside_requests_that_wait() {
    let limits = Limits::with(|it| it.http_connections = 2);
    let mut peer = late_server(2);
    let client = settled(Client::connect(peer.url.as_str()).limits(limits)).await.unwrap();
    // There is room for two of them at once.
    let calls = (0..4).map(|_| client.call_tool("any", json!({})).into_future());
    for outcome in settled(join_all(calls)).await {
        assert_eq!(outcome.unwrap().joined_text(), "done");
    }
    settled(client.close()).await.unwrap();
    let answers = peer.all().into_iter().filter(|seen| seen.what() == "POST answer");
    assert_eq!(answers.count(), 4);
}

#[tokio::test]
async fn a_request_that_waits_is_cancelled_without_a_word() {
    let limits = Limits::with(|it| it.http_connections = 1);
    // It never asks.
    let mut peer = late_server(usize::MAX);
    let client = settled(Client::connect(peer.url.as_str()).limits(limits)).await.unwrap();
    let (tell, mut told) = mpsc::unbounded_channel();
    let start = |name: &str| {
        let params = RawJson::of(&json!({"name": name})).unwrap();
        let tell = tell.clone();
        client.start(Call::new(Method::CallTool, params), move |outcome| tell.send(outcome).unwrap())
    };
    let (first, waiting) = (start("first"), start("waiting"));
    peer.sees(&["POST server/discover", "POST initialize"]).await;
    peer.sees(&["POST initialize", "POST notifications/initialized"]).await;
    let call = peer.next().await;
    assert_eq!(call.body["params"]["name"], "first");
    assert!(waiting.cancel() && first.cancel());
    for _ in 0..2 {
        assert_eq!(settled(told.recv()).await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    }
    let cancelled = peer.next().await;
    assert_eq!(cancelled.what(), "POST notifications/cancelled");
    assert_eq!(cancelled.body["params"]["requestId"], call.body["id"]);
    start("last");
    settled(client.close()).await.unwrap();
    settled(told.recv()).await.unwrap().unwrap_err();
    let rest = peer.all();
    assert!(rest.is_empty(), "the server has only ever heard of the first: {rest:?}");
}

#[tokio::test]
async fn what_was_never_posted_has_not_run() {
    let limits = Limits::with(|it| it.http_connections = 1);
    let peer = server(|seen, events| match seen.body["params"]["name"].as_str() {
        Some("last") => unreachable!("there is no room for it"),
        _ => {
            *events = None;
            Reply::Stuck(String::new())
        }
    });
    let client = settled(Client::connect(peer.url.as_str()).limits(limits)).await.unwrap();
    let calls = ["first", "last"].map(|name| client.call_tool(name, json!({})).into_future());
    let outcomes = settled(join_all(calls)).await;
    let errors: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap_err()).collect();
    assert_eq!(errors.iter().map(|error| error.kind()).collect::<Vec<_>>(), [ErrorKind::Closed; 2]);
    assert!(errors[0].may_have_run() && !errors[1].may_have_run(), "{errors:?}");
}
