use std::net::SocketAddr;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use oxmcp::Limits;
use oxmcp::transport::HttpOptions;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fixture::Fixture;
use crate::wire::{PATIENCE, modern_body};

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn call(authority: &str, id: i64, tool: &str, arguments: &Value) -> Request<Full<Bytes>> {
    let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": id}});
    Request::post(format!("http://{authority}/mcp"))
        .header("Content-Type", "application/json")
        .header("Accept", "application/json, text/event-stream")
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", tool)
        .body(modern_body(id, "tools/call", params).to_string().into())
        .unwrap()
}

async fn body(response: Response<Incoming>) -> String {
    let body = timeout(PATIENCE, response.into_body().collect()).await.unwrap().unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn many_requests_share_a_connection() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let mut client = connect(*address).await;
    let gate = client.send_request(call("localhost", 1, "gate", &json!({}))).await.unwrap();
    assert_eq!(gate.headers()["content-type"], "text/event-stream");
    let echo = client.send_request(call("localhost", 2, "echo", &json!({"text": "hello"}))).await.unwrap();
    let echo: Value = serde_json::from_str(&body(echo).await).unwrap();
    assert_eq!((&echo["id"], &echo["result"]["content"][0]["text"]), (&json!(2), &json!("hello")));
    seen.gate.notify_one();
    assert!(body(gate).await.contains("through the gate"));
}

#[tokio::test]
async fn a_request_that_is_reset_is_cancelled() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let mut client = connect(*address).await;
    let waiting = client.send_request(call("localhost", 1, "waits", &json!({})));
    let mut waiting = Box::pin(waiting);
    tokio::select! {
        _ = &mut waiting => panic!("it was answered"),
        () = seen.started(1) => {}
    }
    drop(waiting);
    seen.dropped(1).await;
    let echo = client.send_request(call("localhost", 2, "echo", &json!({"text": "hello"}))).await.unwrap();
    assert_eq!(echo.status(), StatusCode::OK);
}

#[tokio::test]
async fn requests_on_one_connection_share_what_all_may_take() {
    let limits = Limits::with(|it| it.serving_bytes = 100_000);
    let Fixture { address, seen, .. } = &Fixture::with(limits, HttpOptions::default()).await;
    let mut client = connect(*address).await;
    let large = json!({"text": "x".repeat(60_000)});
    let mut waiting = Box::pin(client.send_request(call("localhost", 1, "waits", &large)));
    tokio::select! {
        _ = &mut waiting => panic!("it was answered"),
        () = seen.started(1) => {}
    }
    let refused = client.send_request(call("localhost", 2, "echo", &large)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let small = json!({"text": "hello"});
    assert_eq!(
        client.send_request(call("localhost", 3, "echo", &small)).await.unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_authority_is_looked_at() {
    let Fixture { address, .. } = &Fixture::new().await;
    let mut client = connect(*address).await;
    let evil = call("evil.example.com", 1, "echo", &json!({"text": "hello"}));
    assert_eq!(client.send_request(evil).await.unwrap().status(), StatusCode::FORBIDDEN);
    let mut rebound = call("localhost", 1, "echo", &json!({"text": "hello"}));
    rebound.headers_mut().insert("host", "evil.example.com".parse().unwrap());
    assert_eq!(client.send_request(rebound).await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_begins_like_http2_need_not_be_it() {
    let Fixture { address, .. } = &Fixture::new().await;
    let mut stream = TcpStream::connect(*address).await.unwrap();
    for piece in ["P", "R", "OPFIND /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        stream.write_all(piece.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answer = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 405");
}

#[tokio::test]
async fn closing_lets_what_is_in_flight_finish() {
    let Fixture { address, seen, server } = Fixture::new().await;
    let mut client = connect(address).await;
    let gate = client.send_request(call("localhost", 1, "gate", &json!({}))).await.unwrap();
    let idle = connect(address).await;
    let closing = tokio::spawn(server.close_within(PATIENCE));
    seen.gate.notify_one();
    assert!(body(gate).await.contains("through the gate"));
    timeout(PATIENCE, closing).await.unwrap().unwrap();
    drop((client, idle));
}
