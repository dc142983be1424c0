use std::sync::Arc;

use oxmcp::model::{CreateMessageParams, CreateMessageResult, ElicitFormParams, ElicitResult, Extra};
use oxmcp::server::{Arguments, ToolError};
use oxmcp::transport::{HttpOptions, HttpServer};
use oxmcp::{Client, Context, ErrorKind, Limits, ProtocolVersion, Server};
use serde_json::json;
use tokio::sync::Notify;

use crate::peer::settled;

async fn listen(server: Server) -> (HttpServer, String) {
    let server = server.listen(HttpOptions::default()).await.unwrap();
    let url = format!("http://{}/mcp", server.local_addr());
    (server, url)
}

async fn connect(url: &str) -> Client {
    settled(Client::connect(url).only(ProtocolVersion::V2025_11_25)).await.unwrap()
}

#[tokio::test]
async fn a_call_survives_the_end_of_its_connection() {
    let go_on = Arc::new(Notify::new());
    let server = Server::new("demo", "1.0.0").tool("slow", "Take time.", {
        let go_on = go_on.clone();
        move |_: Arguments, context: Context| {
            let go_on = go_on.clone();
            async move {
                let closed = context.close_stream();
                go_on.notified().await;
                format!("closed: {closed}")
            }
        }
    });
    let (server, url) = listen(server).await;
    let client = connect(&url).await;
    go_on.notify_one();
    let result = settled(client.call_tool("slow", json!({}))).await.unwrap();
    assert_eq!(result.joined_text(), "closed: true");
    settled(client.close()).await.unwrap();
    settled(server.close()).await;
}

#[tokio::test]
async fn two_clients_survive_a_server_that_keeps_one_session() {
    let server = Server::new("demo", "1.0.0").tool("hello", "Greet.", || async { "hello" });
    let (server, url) = listen(server.limits(Limits::with(|it| it.sessions = 1))).await;
    let clients = [connect(&url).await, connect(&url).await];
    for _ in 0..3 {
        for client in &clients {
            let result = settled(client.call_tool("hello", json!({}))).await.unwrap();
            assert_eq!(result.joined_text(), "hello");
        }
    }
    for client in &clients {
        settled(client.close()).await.unwrap();
    }
    settled(server.close()).await;
}

#[tokio::test]
async fn a_call_goes_over_the_transport_of_2024() {
    let server = Server::new("demo", "1.0.0").tool("hello", "Greet.", || async { "hello" });
    let options = HttpOptions { legacy_sse: true, ..HttpOptions::default() };
    let server = server.listen(options).await.unwrap();
    let url = format!("http://{}/sse", server.local_addr());
    let client = settled(Client::connect(url)).await.unwrap();
    for _ in 0..3 {
        let result = settled(client.call_tool("hello", json!({}))).await.unwrap();
        assert_eq!(result.joined_text(), "hello");
    }
    settled(server.close()).await;
    settled(client.closed()).await;
    let error = settled(client.call_tool("hello", json!({}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

/// A server that asks its client's model and its user before it answers.
fn asking() -> Server {
    Server::new("demo", "1.0.0").tool("ask", "Ask.", |_: Arguments, context: Context| async move {
        let sampled = context.sample("Say something.").await?;
        let text = sampled.content[0].as_text().unwrap_or_default().to_owned();
        context.confirm(format!("Is it {text}?")).await?;
        Ok::<_, ToolError>(format!("it is {text}"))
    })
}

async fn answering(url: &str, version: ProtocolVersion) -> Client {
    let connecting = Client::connect(url)
        .only(version)
        .on_sampling(|_: CreateMessageParams| async { CreateMessageResult::text("model", "something") })
        .on_elicitation(|form: ElicitFormParams| async move {
            let yes = form.requested_schema.properties.into_iter().map(|(name, _)| (name, json!(true)));
            ElicitResult::accept(yes.collect::<Extra>())
        });
    settled(connecting).await.unwrap()
}

#[tokio::test]
async fn a_server_asks_during_a_call() {
    let options = HttpOptions { legacy_sse: true, ..HttpOptions::default() };
    let server = asking().listen(options).await.unwrap();
    for (path, version) in [
        ("mcp", ProtocolVersion::V2025_06_18),
        ("mcp", ProtocolVersion::V2025_11_25),
        ("mcp", ProtocolVersion::V2026_07_28),
        ("sse", ProtocolVersion::V2025_11_25),
    ] {
        let client = answering(&format!("http://{}/{path}", server.local_addr()), version).await;
        let result = settled(client.call_tool("ask", json!({}))).await.unwrap();
        assert_eq!(result.joined_text(), "it is something", "{path} {version}");
        settled(client.close()).await.unwrap();
    }
    settled(server.close()).await;
}
