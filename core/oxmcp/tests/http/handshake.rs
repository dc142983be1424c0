use std::net::SocketAddr;
use std::time::Duration;

use oxmcp::Limits;
use oxmcp::transport::HttpOptions;
use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::wire::{Raw, Response};

fn initialize(version: &str) -> Raw {
    let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "wire", "version": "0"}});
    Raw::post(json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string())
}

/// Opens a session and returns its id.
pub(crate) async fn open(address: SocketAddr, version: &str) -> String {
    let answer = initialize(version).send(address).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["result"]["protocolVersion"], version);
    answer.header("mcp-session-id").expect("a session").to_owned()
}

pub(crate) fn post(session: &str, body: &Value) -> Raw {
    Raw::post(body.to_string()).header("Mcp-Session-Id", session).header("MCP-Protocol-Version", "2025-11-25")
}

pub(crate) fn request(session: &str, id: impl Into<Value>, method: &str, params: Value) -> Raw {
    post(session, &json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params}))
}

pub(crate) fn call(session: &str, id: impl Into<Value>, tool: &str) -> Raw {
    call_with(session, id, tool, &json!({}))
}

pub(crate) fn call_with(session: &str, id: impl Into<Value>, tool: &str, arguments: &Value) -> Raw {
    let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}});
    request(session, id, "tools/call", params)
}

pub(crate) fn cancelled(session: &str, id: impl Into<Value>) -> Raw {
    let params = json!({"requestId": id.into(), "reason": "no longer wanted"});
    post(session, &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}))
}

pub(crate) fn get(session: &str) -> Raw {
    Raw::new("GET").header("Mcp-Session-Id", session).header("Accept", "text/event-stream")
}

pub(crate) fn delete(session: &str) -> Raw {
    Raw::new("DELETE").header("Mcp-Session-Id", session)
}

async fn is_alive(address: SocketAddr, session: &str) -> bool {
    let answer = request(session, 99, "ping", json!({})).send(address).await;
    match answer.status {
        200 => true,
        404 => false,
        other => panic!("HTTP {other}"),
    }
}

#[tokio::test]
async fn initialize_opens_a_session_in_every_revision_of_the_era() {
    let Fixture { address, .. } = &Fixture::new().await;
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let session = open(*address, version).await;
        assert!(session.len() == 32 && session.bytes().all(|byte| byte.is_ascii_hexdigit()), "{session}");
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let response = post(&session, &initialized).send(*address).await;
        assert_eq!((response.status, response.body.len()), (202, 0));
        let echo = json!({"name": "echo", "arguments": {"text": "hello"}});
        // Before 2025-06-18 there was no version header.
        let answer =
            request(&session, "a", "tools/call", echo).without("MCP-Protocol-Version").send(*address).await;
        assert_eq!(answer.json()["id"], "a");
        assert_eq!(answer.json()["result"]["content"], json!([{"type": "text", "text": "hello"}]));
        assert_eq!(answer.json()["result"].get("resultType"), None, "{version} has no resultType");
        assert!(is_alive(*address, &session).await);
    }
    for version in ["2026-07-28", "2099-01-01"] {
        let answer = initialize(version).header("MCP-Protocol-Version", version).send(*address).await;
        assert_eq!(answer.json()["result"]["protocolVersion"], "2025-11-25", "instead of {version}");
    }
}

#[tokio::test]
async fn a_bad_initialize_is_a_json_rpc_error() {
    let Fixture { address, .. } = &Fixture::new().await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}});
    let answer = Raw::post(body.to_string()).send(*address).await;
    assert_eq!(answer.refusal(), (200, -32602));
    assert_eq!(answer.header("mcp-session-id"), None);
}

#[tokio::test]
async fn a_session_does_not_keep_whatever_a_client_says_of_itself() {
    let Fixture { address, .. } = &Fixture::new().await;
    let info = json!({"name": "x".repeat(100_000), "version": "0"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    let answer = Raw::post(body.to_string()).send(*address).await;
    assert_eq!(answer.refusal(), (200, -32602));
    assert_eq!(answer.header("mcp-session-id"), None);
}

#[tokio::test]
async fn a_session_that_is_not_there_is_not_found() {
    let Fixture { address, .. } = &Fixture::new().await;
    for session in ["nonsense", "00000000000000000000000000000000"] {
        let answer = request(session, 7, "tools/list", json!({})).send(*address).await;
        assert_eq!(answer.refusal(), (404, -32600), "{session}");
        assert_eq!(answer.json()["id"], 7);
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(post(session, &initialized).send(*address).await.status, 404);
        assert_eq!(get(session).send(*address).await.status, 404);
        assert_eq!(delete(session).send(*address).await.status, 404);
    }
    let session = open(*address, "2025-11-25").await;
    let twice = request(&session, 7, "ping", json!({})).more("Mcp-Session-Id", &session);
    assert_eq!(twice.send(*address).await.refusal(), (400, -32600));
}

#[tokio::test]
async fn the_version_header_is_looked_at_when_it_is_there() {
    let Fixture { address, .. } = &Fixture::new().await;
    let session = open(*address, "2025-11-25").await;
    let ping = request(&session, 7, "ping", json!({}));
    for version in ["2099-01-01", "nonsense", "2026-07-28"] {
        let answer = ping.clone().header("MCP-Protocol-Version", version).send(*address).await;
        assert_eq!(answer.status, 400, "{version}");
    }
    for version in ["2025-11-25", "2025-06-18"] {
        assert_eq!(ping.clone().header("MCP-Protocol-Version", version).send(*address).await.status, 200);
    }
}

#[tokio::test]
async fn an_error_in_a_session_does_not_look_like_its_end() {
    let Fixture { address, .. } = &Fixture::new().await;
    let session = open(*address, "2025-11-25").await;
    for method in ["no/such", "server/discover", "resources/list"] {
        let answer = request(&session, 7, method, json!({})).send(*address).await;
        assert_eq!(answer.refusal(), (200, -32601), "{method}");
    }
    assert_eq!(call(&session, 7, "panic").send(*address).await.refusal(), (200, -32603));
    assert_eq!(call(&session, 7, "nobody").send(*address).await.refusal(), (200, -32602));
}

#[tokio::test]
async fn delete_ends_the_session_and_what_is_in_flight_in_it() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let session = open(*address, "2025-11-25").await;
    let mut waiting = call(&session, 1, "waits").start(*address).await;
    let mut listening = get(&session).open(*address).await;
    seen.started(1).await;
    let deleted = delete(&session).send(*address).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    seen.dropped(1).await;
    waiting.read_head().await;
    waiting.read_to_end().await;
    assert!(waiting.response.events().is_empty());
    listening.read_to_end().await;
    assert!(!is_alive(*address, &session).await);
    assert_eq!(get(&session).send(*address).await.status, 404);
    assert_eq!(delete(&session).send(*address).await.status, 404);
}

#[tokio::test]
async fn streams_for_listening_are_open_at_once_and_side_by_side() {
    let Fixture { address, .. } = &Fixture::new().await;
    let session = open(*address, "2025-06-18").await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = get(&session).open(*address).await;
        assert_eq!((stream.response.status, stream.response.header("x-accel-buffering")), (200, Some("no")));
        stream.read_until(":\n\n").await;
        streams.push(stream);
    }
    // One more ends the oldest.
    let mut last = get(&session).open(*address).await;
    streams[0].read_to_end().await;
    assert!(streams[0].response.events().is_empty());
    last.read_until(":\n\n").await;
    assert_eq!(delete(&session).send(*address).await.status, 204);
    for stream in &mut streams[1..] {
        stream.read_to_end().await;
    }
    let without_accept = get(&session).header("Accept", "application/json").send(*address).await;
    assert_eq!(without_accept.status, 406);
}

#[tokio::test]
async fn progress_turns_the_response_into_events() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let session = open(*address, "2025-11-25").await;
    let events = call(&session, 5, "steps").send(*address).await.events();
    assert_eq!(events.len(), 4);
    assert_eq!((&events[3]["id"], &events[3]["result"]["content"][0]["text"]), (&json!(5), &json!("done")));
    let mut gate = call(&session, 6, "gate").open(*address).await;
    gate.read_until("at the gate").await;
    seen.gate.notify_one();
    gate.read_to_end().await;
    assert_eq!(gate.response.events()[1]["id"], 6);
    let json_only = call(&session, 7, "steps").header("Accept", "application/json").send(*address).await;
    assert_eq!(json_only.json()["result"]["content"][0]["text"], "done");
}

#[tokio::test]
async fn a_cancelled_request_ends_without_an_answer() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let session = open(*address, "2025-11-25").await;
    let mut silent = call(&session, "x", "waits").start(*address).await;
    let mut streaming = call(&session, 2, "gate").open(*address).await;
    let mut json_only = call(&session, 3, "waits").header("Accept", "application/json").start(*address).await;
    streaming.read_until("at the gate").await;
    seen.started(3).await;
    for id in [json!("x"), json!(2), json!(3), json!("2"), json!(77)] {
        assert_eq!(cancelled(&session, id).send(*address).await.status, 202);
    }
    seen.dropped(3).await;
    silent.read_head().await;
    silent.read_to_end().await;
    assert_eq!(silent.response.status, 200);
    assert!(silent.response.events().is_empty());
    streaming.read_to_end().await;
    assert_eq!(streaming.response.events().len(), 1, "the progress, and no answer");
    json_only.read_head().await;
    assert_eq!(json_only.response.status, 202);
    assert!(is_alive(*address, &session).await);
}

#[tokio::test]
async fn a_session_cannot_cancel_what_another_one_asked_for() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let (mine, theirs) = (open(*address, "2025-11-25").await, open(*address, "2025-11-25").await);
    let mut gate = call(&mine, 1, "gate").open(*address).await;
    gate.read_until("at the gate").await;
    assert_eq!(cancelled(&theirs, 1).send(*address).await.status, 202);
    seen.gate.notify_one();
    gate.read_to_end().await;
    assert_eq!(gate.response.events()[1]["result"]["content"][0]["text"], "through the gate");
}

#[tokio::test]
async fn a_lost_connection_cancels_nothing() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let session = open(*address, "2025-11-25").await;
    let mut lost = call(&session, 1, "gate").open(*address).await;
    lost.read_until("at the gate").await;
    drop(lost);
    // Time for the server to notice.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(seen.dropped_so_far(), 0);
    seen.gate.notify_one();
    seen.finished(1).await;
}

#[tokio::test]
async fn an_id_is_used_by_one_request_at_a_time() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let session = open(*address, "2025-11-25").await;
    let mut first = call(&session, 1, "gate").open(*address).await;
    first.read_until("at the gate").await;
    assert_eq!(request(&session, 1, "ping", json!({})).send(*address).await.refusal(), (400, -32600));
    assert_eq!(request(&session, "1", "ping", json!({})).send(*address).await.status, 200);
    seen.gate.notify_one();
    first.read_to_end().await;
    assert_eq!(request(&session, 1, "ping", json!({})).send(*address).await.status, 200);
}

#[tokio::test]
async fn a_batch_is_answered_with_an_array_where_the_revision_has_batches() {
    let Fixture { address, .. } = &Fixture::new().await;
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
         "params": {"name": "steps", "arguments": {}, "_meta": {"progressToken": 1}}},
        {"jsonrpc": "2.0", "id": 3, "method": "no/such"},
        {"jsonrpc": "2.0", "id": 4, "method": "initialize", "params": {}},
        {"jsonrpc": "2.0", "id": 5},
        {"jsonrpc": "2.0", "id": 6, "result": {}},
        7,
    ]);
    let session = open(*address, "2025-03-26").await;
    let answer = post(&session, &batch).send(*address).await;
    assert_eq!(answer.status, 200);
    let answers = answer.json();
    let summary = |answer: &Value| (answer["id"].clone(), answer["error"]["code"].as_i64());
    let summaries: Vec<_> = answers.as_array().unwrap().iter().map(summary).collect();
    assert_eq!(
        summaries,
        [
            (json!(1), None),
            (json!(2), None),
            (json!(3), Some(-32601)),
            (json!(4), Some(-32600)),
            (json!(5), Some(-32600)),
            (json!(null), Some(-32600)),
        ]
    );
    let events = post(&session, &batch).header("Accept", "text/event-stream").send(*address).await.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].as_array().unwrap().iter().map(summary).collect::<Vec<_>>(), summaries);
    let quiet = json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}]);
    assert_eq!(post(&session, &quiet).send(*address).await.status, 202);
    let session = open(*address, "2025-06-18").await;
    assert_eq!(post(&session, &batch).send(*address).await.refusal(), (400, -32600));
}

#[tokio::test]
async fn the_session_unused_for_longest_makes_room() {
    let limits = Limits::with(|it| it.sessions = 3);
    let Fixture { address, .. } = &Fixture::with(limits, HttpOptions::default()).await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(open(*address, "2025-11-25").await);
    }
    assert!(is_alive(*address, &sessions[0]).await);
    let listening = get(&sessions[1]).open(*address).await;
    sessions.push(open(*address, "2025-11-25").await);
    let mut alive = Vec::new();
    for session in &sessions {
        alive.push(is_alive(*address, session).await);
    }
    assert_eq!(alive, [true, true, false, true]);
    drop(listening);
}

#[tokio::test]
async fn requests_that_outlive_their_connections_are_limited_too() {
    let limits = Limits::with(|it| it.serving = 6);
    let Fixture { address, seen, .. } = &Fixture::with(limits, HttpOptions::default()).await;
    let session = open(*address, "2025-11-25").await;
    for id in 0..3 {
        let lost: Vec<_> = vec![call(&session, id, "waits").start(*address).await];
        seen.started(id + 1).await;
        drop(lost);
    }
    assert_eq!(request(&session, 9, "ping", json!({})).send(*address).await.refusal(), (503, -32603));
    assert_eq!(cancelled(&session, 0).send(*address).await.status, 202);
    seen.dropped(1).await;
    let answer: Response = request(&session, 9, "ping", json!({})).send(*address).await;
    assert_eq!(answer.status, 200);
}
