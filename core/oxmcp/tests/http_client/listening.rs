use std::time::Duration;

use oxmcp::client::ServerList;
use oxmcp::{Client, ProtocolVersion};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::peer::{
    Peer, Reply, SESSION, Seen, accepted, events_response, handshake, initialized, response, result, settled,
};

fn ping(id: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "ping"})
}

/// A server of the handshake era with a stream of its own messages. `on_get` hears after which event it is opened, and how often before.
fn speaking(on_get: impl Fn(Option<&str>, usize) -> Reply + Send + 'static) -> Peer {
    let mut times = 0;
    Peer::new(move |seen: &Seen| match seen.what().as_str() {
        "GET" => {
            times += 1;
            on_get(seen.header("last-event-id"), times - 1)
        }
        "POST answer" => accepted(),
        "POST tools/list" => result(seen, json!({"tools": []})),
        _ => handshake(seen).unwrap(),
    })
}

async fn connect(peer: &Peer) -> Client {
    settled(Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25)).await.unwrap()
}

async fn answered(peer: &mut Peer) -> Value {
    loop {
        let seen = peer.next().await;
        if seen.what() == "POST answer" {
            assert!(seen.is_in_session());
            return seen.body["id"].clone();
        }
    }
}

#[tokio::test]
async fn what_the_server_says_by_itself_is_heard() {
    let before = Handle::current().metrics().num_alive_tasks();
    let mut peer = speaking(|_, _| {
        let notification = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
        let batch = json!([ping("b"), notification]);
        let events = format!(": hello\n\ndata: {}\n\ndata: noise\n\ndata: {batch}\n\n", ping("a"));
        Reply::Stuck(events_response(&events))
    });
    let client = connect(&peer).await;
    let listening = peer.next_listening().await;
    assert!(listening.is_in_session());
    assert_eq!(listening.header("accept"), Some("text/event-stream"));
    assert_eq!(listening.header("mcp-protocol-version"), Some("2025-11-25"));
    assert_eq!(listening.header("content-type"), None);
    assert_eq!(answered(&mut peer).await, "a");
    assert_eq!(answered(&mut peer).await, "b");
    settled(client.list_tools()).await.unwrap();
    settled(client.close()).await.unwrap();
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before, "it ends with the client");
}

#[tokio::test]
async fn a_stream_that_is_lost_is_opened_again_where_it_was() {
    let mut peer = speaking(|after, times| match times {
        0 => Reply::Hang,
        1 => response("503 Service Unavailable", &[], ""),
        // The server does not know yet that the first stream is lost.
        2 => response("409 Conflict", &[], ""),
        3 => {
            assert_eq!(after, None);
            Reply::Last(events_response(&format!("retry: 1\nid: 1\ndata: {}\n\n", ping("a"))))
        }
        4 => {
            assert_eq!(after, Some("1"));
            Reply::Last(events_response(&format!("retry: 1\nid: 2\ndata: {}\n\n", ping("b"))))
        }
        // The server has forgotten it.
        5 => {
            assert_eq!(after, Some("2"));
            response("400 Bad Request", &[], "no such event")
        }
        _ => {
            assert_eq!(after, None);
            Reply::Stuck(events_response(&format!("data: {}\n\n", ping("c"))))
        }
    });
    let client = connect(&peer).await;
    for id in ["a", "b", "c"] {
        assert_eq!(answered(&mut peer).await, id);
    }
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn what_changed_while_the_stream_was_lost_is_told() {
    let (opened, mut streams) = mpsc::unbounded_channel();
    let mut peer = Peer::new(move |seen| match seen.what().as_str() {
        "POST initialize" => initialized(seen, SESSION, json!({"tools": {"listChanged": true}})),
        "GET" => {
            let (events, read) = mpsc::unbounded_channel();
            events.send("retry: 1\n\n".to_owned()).unwrap();
            opened.send(events).unwrap();
            Reply::Events(read)
        }
        _ => handshake(seen).unwrap(),
    });
    let (told, mut heard) = mpsc::unbounded_channel();
    let client = Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25);
    let client = settled(client.on_list_changed(move |list, _| told.send(list).unwrap())).await.unwrap();
    for _ in 0..2 {
        peer.next_listening().await;
        let events = settled(streams.recv()).await.unwrap();
        drop(events);
        assert_eq!(settled(heard.recv()).await, Some(ServerList::Tools));
    }
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_had_such_a_stream_will_have_it_again() {
    let mut peer = speaking(|_, times| match times {
        0 => Reply::Last(events_response(&format!("retry: 1\ndata: {}\n\n", ping("a")))),
        1 => response("405 Method Not Allowed", &[], ""),
        2 => response("400 Bad Request", &[], ""),
        _ => Reply::Stuck(events_response(&format!("data: {}\n\n", ping("b")))),
    });
    let client = connect(&peer).await;
    assert_eq!(answered(&mut peer).await, "a");
    assert_eq!(answered(&mut peer).await, "b");
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn a_server_without_such_a_stream_is_asked_once() {
    for refusal in [
        "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    ] {
        let mut peer = speaking(move |_, _| Reply::Last(refusal.to_owned()));
        let client = connect(&peer).await;
        peer.next_listening().await;
        settled(client.list_tools()).await.unwrap();
        // Whatever waits to ask again has waited long enough.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(600)).await;
        tokio::time::resume();
        for _ in 0..10 {
            settled(client.list_tools()).await.unwrap();
        }
        assert!(peer.all().iter().all(|seen| seen.what() == "POST tools/list"), "{refusal}");
        settled(client.close()).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_waits_for_the_stream() {
    let mut peer = speaking(|_, _| Reply::Stuck(String::new()));
    let client = connect(&peer).await;
    peer.next_listening().await;
    settled(client.list_tools()).await.unwrap();
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn the_stateless_era_has_no_such_stream() {
    let mut peer = Peer::new(|seen| match seen.what().as_str() {
        "POST server/discover" => {
            result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}))
        }
        "POST tools/list" => result(seen, json!({"resultType": "complete", "tools": []})),
        other => unreachable!("{other}"),
    });
    let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
    settled(client.list_tools()).await.unwrap();
    settled(client.close()).await.unwrap();
    peer.sees(&["POST server/discover", "POST tools/list"]).await;
}

#[tokio::test]
async fn an_answer_among_the_servers_own_messages_settles_its_call() {
    let mut call = Value::Null;
    let mut peer = Peer::new(move |seen| match seen.what().as_str() {
        "POST tools/call" => {
            call = seen.body["id"].clone();
            // The client has no reason to come back soon.
            Reply::Last(events_response("id: call\nretry: 3600000\ndata:\n\n"))
        }
        "GET" if call.is_null() => Reply::Last(events_response("id: own\nretry: 1\ndata:\n\n")),
        "GET" => {
            let result = json!({"content": [{"type": "text", "text": "done"}]});
            let answer = json!({"jsonrpc": "2.0", "id": call, "result": result});
            Reply::Stuck(events_response(&format!("data: {answer}\n\ndata: {answer}\n\n")))
        }
        _ => handshake(seen).unwrap(),
    });
    let client = connect(&peer).await;
    let result = settled(client.call_tool("any", json!({}))).await.unwrap();
    assert_eq!(result.joined_text(), "done");
    settled(client.close()).await.unwrap();
    assert!(peer.rest().iter().all(|seen| seen.what() != "POST notifications/cancelled"));
}
