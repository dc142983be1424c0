//! What all requests together may take of a server.

use std::net::SocketAddr;

use oxmcp::transport::HttpOptions;
use oxmcp::{Limits, Server};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::fixture::Fixture;
use crate::handshake::{call, cancelled, open, post, request};
use crate::wire::{PATIENCE, Raw};

const LARGE: usize = 60_000;

fn padded(tool: &str) -> Value {
    json!({"name": tool, "arguments": {"text": "x".repeat(LARGE)}})
}

fn large(tool: &str) -> Raw {
    Raw::modern("tools/call", padded(tool))
}

fn small() -> Raw {
    Raw::modern("tools/call", json!({"name": "echo", "arguments": {"text": "hello"}}))
}

async fn serve(limits: Limits) -> Fixture {
    Fixture::with(limits, HttpOptions::default()).await
}

/// Sends a request until there is room for it.
async fn send_until_there_is_room(request: &Raw, to: SocketAddr) {
    let sent = async {
        loop {
            match request.send(to).await.status {
                200 => return,
                status => assert_eq!(status, 503),
            }
        }
    };
    timeout(PATIENCE, sent).await.expect("there is no room");
}

#[tokio::test]
async fn large_requests_share_what_there_is_and_small_ones_go_on() {
    let Fixture { address, seen, .. } = &serve(Limits::with(|it| it.serving_bytes = 100_000)).await;
    let waiting = large("waits").start(*address).await;
    seen.started(1).await;
    let mut refused = large("echo").open(*address).await;
    refused.read_to_end().await;
    assert_eq!(refused.response.refusal(), (503, -32603));
    assert_eq!(refused.response.header("retry-after"), Some("1"));
    assert!(refused.response.text().contains("100000 bytes"), "{}", refused.response.text());
    // The connection is as good as ever, and so is the server.
    refused.send_next(&small()).await;
    assert_eq!(refused.response.status, 200);
    drop(waiting);
    seen.dropped(1).await;
    send_until_there_is_room(&large("echo"), *address).await;
}

#[tokio::test]
async fn what_a_session_left_behind_counts_for_everybody() {
    let Fixture { address, seen, .. } = &serve(Limits::with(|it| it.serving_bytes = 100_000)).await;
    let session = open(*address, "2025-11-25").await;
    drop(request(&session, 1, "tools/call", padded("waits")).start(*address).await);
    seen.started(1).await;
    assert_eq!(large("echo").send(*address).await.status, 503);
    assert_eq!(request(&session, 2, "tools/call", padded("echo")).send(*address).await.status, 503);
    assert_eq!(cancelled(&session, 1).send(*address).await.status, 202);
    send_until_there_is_room(&large("echo"), *address).await;
}

#[tokio::test]
async fn a_session_leaves_as_many_bytes_to_others_as_it_has() {
    let Fixture { address, seen, .. } = &serve(Limits::with(|it| it.serving_bytes = 200_000)).await;
    let (greedy, other) = (open(*address, "2025-11-25").await, open(*address, "2025-11-25").await);
    let mut waiting = Vec::new();
    waiting.push(request(&greedy, 1, "tools/call", padded("waits")).start(*address).await);
    seen.started(1).await;
    waiting.push(request(&greedy, 2, "tools/call", padded("waits")).start(*address).await);
    seen.started(2).await;
    assert_eq!(request(&greedy, 3, "tools/call", padded("echo")).send(*address).await.status, 503);
    send_until_there_is_room(&request(&other, 3, "tools/call", padded("echo")), *address).await;
}

#[tokio::test]
async fn a_part_of_a_batch_counts_all_of_it_for_as_long_as_it_is_kept() {
    let Fixture { address, seen, .. } = &serve(Limits::with(|it| it.serving_bytes = 100_000)).await;
    let session = open(*address, "2025-03-26").await;
    let waits = json!({"name": "waits", "arguments": {}});
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": waits},
        {"jsonrpc": "2.0", "method": "notifications/x", "params": {"text": "x".repeat(LARGE)}},
    ]);
    drop(post(&session, &batch).without("MCP-Protocol-Version").start(*address).await);
    seen.started(1).await;
    assert_eq!(large("echo").send(*address).await.status, 503);
    assert_eq!(cancelled(&session, 1).without("MCP-Protocol-Version").send(*address).await.status, 202);
    send_until_there_is_room(&large("echo"), *address).await;
}

#[tokio::test]
async fn requests_without_a_session_are_counted() {
    let Fixture { address, seen, .. } = &serve(Limits::with(|it| it.serving = 2)).await;
    let mut waiting = vec![Raw::modern_call("waits").start(*address).await];
    waiting.push(Raw::modern_call("waits").start(*address).await);
    seen.started(2).await;
    let refused = small().send(*address).await;
    assert_eq!(refused.refusal(), (503, -32603));
    assert_eq!(refused.json()["id"], 7);
    waiting.pop();
    send_until_there_is_room(&small(), *address).await;
}

#[tokio::test]
async fn a_session_leaves_as_many_places_to_others_as_it_has() {
    let Fixture { address, seen, .. } = &serve(Limits::with(|it| it.serving = 6)).await;
    let (greedy, other) = (open(*address, "2025-11-25").await, open(*address, "2025-11-25").await);
    for id in 1..=3 {
        drop(call(&greedy, id, "waits").start(*address).await);
        seen.started(id).await;
    }
    let ping = |session: &str| request(session, 9, "ping", json!({}));
    assert_eq!(ping(&greedy).send(*address).await.refusal(), (503, -32603));
    drop(call(&other, 1, "waits").start(*address).await);
    seen.started(4).await;
    assert_eq!(ping(&other).send(*address).await.status, 200);
    assert_eq!(small().send(*address).await.status, 200);
}

#[tokio::test]
async fn a_subscription_takes_no_place() {
    let server = Server::new("wire", "1").tool("one", "One.", || async { "1" });
    let server = server.limits(Limits::with(|it| it.serving = 1));
    let listening = server.listen(HttpOptions::default()).await.unwrap();
    let listen = Raw::modern("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = listen.open(listening.local_addr()).await;
        stream.read_until("acknowledged").await;
        open.push(stream);
    }
    assert_eq!(Raw::modern_call("one").send(listening.local_addr()).await.status, 200);
}
