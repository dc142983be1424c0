use std::net::SocketAddr;
use std::time::Duration;

use oxmcp::transport::HttpOptions;
use oxmcp::{Limits, Server};
use serde_json::json;
use tokio::net::TcpStream;

use crate::fixture::Fixture;
use crate::wire::Raw;

fn initialize() -> Raw {
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "wire", "version": "0"}});
    Raw::post(json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string())
}

/// After this, something is taken never to come.
const GUARD: Duration = Duration::from_secs(60);

/// Waits until nobody listens any more.
async fn is_deaf(address: SocketAddr) {
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(GUARD, refused).await.expect("it still listens");
}

#[tokio::test]
async fn closing_lets_what_is_in_flight_finish() {
    let Fixture { address, server, seen } = Fixture::new().await;
    let mut gate = Raw::modern_call_with_progress("gate").open(address).await;
    gate.read_until("at the gate").await;
    let idle = Raw::modern("tools/list", json!({})).open(address).await;
    let closing = tokio::spawn(server.close());
    is_deaf(address).await;
    assert!(!closing.is_finished());
    seen.gate.notify_one();
    gate.read_to_end().await;
    assert_eq!(gate.response.events()[1]["result"]["content"][0]["text"], "through the gate");
    closing.await.unwrap();
    drop(idle);
}

#[tokio::test]
async fn closing_cancels_what_does_not_finish() {
    let Fixture { address, server, seen } = Fixture::new().await;
    let session = initialize().send(address).await.header("mcp-session-id").unwrap().to_owned();
    let body = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "waits", "arguments": {}}});
    let mut stateless = Raw::modern_call("waits").start(address).await;
    let mut handshake = Raw::post(body.to_string()).header("Mcp-Session-Id", &session).start(address).await;
    seen.started(2).await;
    // They would never end by themselves.
    server.close_within(Duration::from_millis(100)).await;
    seen.dropped(2).await;
    assert!(stateless.is_closed().await && handshake.is_closed().await);
}

#[tokio::test]
async fn closing_ends_the_streams_for_listening_at_once() {
    let Fixture { address, server, .. } = Fixture::new().await;
    let session = initialize().send(address).await.header("mcp-session-id").unwrap().to_owned();
    let get = Raw::new("GET").header("Mcp-Session-Id", &session).header("Accept", "text/event-stream");
    let mut listening = get.open(address).await;
    listening.read_until(":").await;
    // It has an hour for what is in flight, and this is not.
    tokio::time::timeout(GUARD, server.close_within(60 * GUARD)).await.expect("it waits for the stream");
    listening.read_to_end().await;
}

#[tokio::test]
async fn a_dropped_server_closes_itself() {
    let Fixture { address, server, .. } = Fixture::new().await;
    drop(server);
    is_deaf(address).await;
}

#[test]
fn a_server_may_outlive_its_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let fixture = runtime.block_on(Fixture::new());
    drop(runtime);
    drop(fixture.server);
}

#[tokio::test]
async fn more_connections_than_the_limit_wait_for_their_turn() {
    let limits = Limits::with(|it| it.http_connections = 1);
    let Fixture { address, .. } = &Fixture::with(limits, HttpOptions::default()).await;
    let mut served = Vec::new();
    for _ in 0..16 {
        let mut open = Raw::modern("tools/list", json!({})).open(*address).await;
        open.read_to_end().await;
        served.push(open);
    }
    let mut waiting = Raw::modern("tools/list", json!({})).start(*address).await;
    let too_early = tokio::time::timeout(Duration::from_millis(100), waiting.read_head()).await;
    assert!(too_early.is_err(), "the 17th connection is not accepted yet");
    served.pop();
    waiting.read_head().await;
    assert_eq!(waiting.response.status, 200);
}

#[tokio::test]
async fn an_address_says_where_to_listen() {
    for address in [SocketAddr::from(([127, 0, 0, 1], 0)), SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0))] {
        let options = HttpOptions::from(address);
        assert_eq!((options.host.as_str(), options.port), (&*address.ip().to_string(), 0));
    }
    let server = Server::new("here", "1").listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    assert!(server.url().starts_with("http://127.0.0.1:"), "{}", server.url());
    server.close().await;
}
