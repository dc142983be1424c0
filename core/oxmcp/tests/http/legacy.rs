use std::net::SocketAddr;

use oxmcp::Limits;
use oxmcp::transport::HttpOptions;
use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::wire::{Open, Raw, modern_body};

async fn fixture(limits: Limits) -> Fixture {
    Fixture::with(limits, HttpOptions { legacy_sse: true, ..HttpOptions::default() }).await
}

fn stream() -> Raw {
    Raw::new("GET").path("/sse").header("Accept", "text/event-stream")
}

/// Opens a stream and returns where its messages go.
async fn open(address: SocketAddr) -> (Open, String) {
    let mut stream = stream().open(address).await;
    assert_eq!(
        (stream.response.status, stream.response.header("content-type")),
        (200, Some("text/event-stream"))
    );
    stream.read_until("\n\n").await;
    assert_eq!(stream.response.fields("event"), ["endpoint"]);
    let endpoint = stream.response.fields("data")[0].to_owned();
    assert!(endpoint.starts_with("/messages?sessionId="), "{endpoint}");
    (stream, endpoint)
}

async fn post(address: SocketAddr, endpoint: &str, message: &Value) {
    let taken = Raw::post(message.to_string()).path(endpoint).send(address).await;
    assert_eq!((taken.status, taken.body.len()), (202, 0));
}

/// The messages of a stream, without its first event.
fn messages(stream: &Open) -> Vec<Value> {
    let response = &stream.response;
    let data = response.fields("data");
    assert!(response.fields("event")[1..].iter().all(|name| *name == "message"));
    data[1..].iter().map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn request(id: i64, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn call(id: i64, tool: &str) -> Value {
    request(id, "tools/call", &json!({"name": tool, "arguments": {}, "_meta": {"progressToken": id}}))
}

async fn initialize(address: SocketAddr, stream: &mut Open, endpoint: &str) {
    let params = json!({"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "old", "version": "0"}});
    post(address, endpoint, &request(1, "initialize", &params)).await;
    stream.read_until("\"id\":1,\"result\"").await;
    post(address, endpoint, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
}

#[tokio::test]
async fn everything_the_server_says_comes_over_the_stream() {
    let Fixture { address, seen, .. } = &fixture(Limits::default()).await;
    let (mut stream, endpoint) = open(*address).await;
    initialize(*address, &mut stream, &endpoint).await;
    post(*address, &endpoint, &call(2, "gate")).await;
    stream.read_until("at the gate").await;
    post(*address, &endpoint, &call(3, "steps")).await;
    stream.read_until("\"id\":3").await;
    seen.gate.notify_one();
    // More than any buffer holds.
    let blob = request(4, "tools/call", &json!({"name": "blob", "arguments": {"size": 1_000_000}}));
    let pretty = serde_json::to_vec_pretty(&blob).unwrap();
    assert_eq!(Raw::post(pretty).path(&endpoint).send(*address).await.status, 202);
    stream.read_until("xx\"}]}}\n\n").await;
    let messages = messages(&stream);
    let answers: Vec<i64> = messages.iter().filter_map(|message| message["id"].as_i64()).collect();
    assert_eq!((answers[0], answers.len()), (1, 4));
    assert_eq!(messages[0]["result"]["protocolVersion"], "2024-11-05");
    assert_eq!(messages.iter().filter(|message| message["method"] == "notifications/progress").count(), 4);
}

#[tokio::test]
async fn a_client_that_closes_its_stream_is_gone() {
    let Fixture { address, seen, .. } = &fixture(Limits::default()).await;
    let (mut stream, endpoint) = open(*address).await;
    initialize(*address, &mut stream, &endpoint).await;
    post(*address, &endpoint, &call(2, "waits")).await;
    seen.started(1).await;
    drop(stream);
    seen.dropped(1).await;
    let late = Raw::post(call(3, "echo").to_string()).path(&endpoint).send(*address).await;
    assert_eq!(late.refusal(), (404, -32600));
}

#[tokio::test]
async fn it_is_guarded_like_the_endpoint_and_off_by_default() {
    let limits = Limits::with(|it| {
        it.sessions = 1;
        it.message_bytes = 1000;
    });
    let Fixture { address, .. } = &fixture(limits).await;
    assert_eq!(stream().header("Origin", "http://evil.example.com").send(*address).await.status, 403);
    assert_eq!(stream().header("Host", "evil.example.com").send(*address).await.status, 403);
    assert_eq!(stream().header("Accept", "application/json").send(*address).await.status, 406);
    let (_stream, endpoint) = open(*address).await;
    assert_eq!(stream().send(*address).await.refusal(), (503, -32600), "one stream too many");
    let message = Raw::post(call(1, "echo").to_string()).path(&endpoint);
    assert_eq!(message.clone().header("Origin", "http://evil.example.com").send(*address).await.status, 403);
    assert_eq!(message.clone().header("Content-Type", "text/plain").send(*address).await.status, 415);
    assert_eq!(message.clone().body("x".repeat(2000)).send(*address).await.status, 413);
    for path in ["/messages", "/messages?sessionId=", "/messages?sessionId=00000000000000000000000000000000"]
    {
        assert_eq!(message.clone().path(path).send(*address).await.refusal(), (404, -32600), "{path}");
    }
    let Fixture { address, .. } = &Fixture::new().await;
    assert_eq!(stream().send(*address).await.status, 404);
}

#[tokio::test]
async fn what_its_clients_ask_counts_with_all_else() {
    let Fixture { address, seen, .. } = &fixture(Limits::with(|it| it.serving = 4)).await;
    let (mut greedy, endpoint) = open(*address).await;
    initialize(*address, &mut greedy, &endpoint).await;
    for id in 2..=4 {
        post(*address, &endpoint, &call(id, "waits")).await;
    }
    // The third is more than it would leave to others.
    greedy.read_until("\"id\":4,\"error\":{\"code\":-32603").await;
    seen.started(2).await;
    let (_other, endpoint) = open(*address).await;
    post(*address, &endpoint, &modern_body(1, "tools/call", json!({"name": "waits", "arguments": {}}))).await;
    seen.started(3).await;
    let _last = Raw::modern_call("waits").start(*address).await;
    seen.started(4).await;
    assert_eq!(Raw::modern_call("steps").send(*address).await.refusal(), (503, -32603));
    drop(greedy);
    seen.dropped(2).await;
    while Raw::modern_call("steps").send(*address).await.status == 503 {}
}

#[tokio::test]
async fn the_bytes_of_its_clients_count_with_all_else() {
    let Fixture { address, seen, .. } = &fixture(Limits::with(|it| it.serving_bytes = 100_000)).await;
    let (mut stream, endpoint) = open(*address).await;
    initialize(*address, &mut stream, &endpoint).await;
    let large = |tool: &str| json!({"name": tool, "arguments": {"text": "x".repeat(60_000)}});
    post(*address, &endpoint, &request(2, "tools/call", &large("waits"))).await;
    seen.started(1).await;
    let (_other, other_endpoint) = open(*address).await;
    let message = request(1, "tools/call", &large("echo")).to_string();
    let refused = Raw::post(message).path(&other_endpoint).send(*address).await;
    assert_eq!(refused.refusal(), (503, -32603));
    assert_eq!(Raw::modern("tools/call", large("echo")).send(*address).await.refusal(), (503, -32603));
    drop(stream);
    seen.dropped(1).await;
    while Raw::modern("tools/call", large("echo")).send(*address).await.status == 503 {}
}

#[tokio::test]
async fn closing_the_server_ends_the_streams() {
    let Fixture { address, server, .. } = fixture(Limits::default()).await;
    let (mut stream, endpoint) = open(address).await;
    initialize(address, &mut stream, &endpoint).await;
    let ((), ()) = tokio::join!(server.close(), stream.read_to_end());
}
