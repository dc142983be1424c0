use std::sync::{Arc, Mutex};

use oxmcp::model::Tool;
use oxmcp::server::{Arguments, schema, tool};
use oxmcp::{Client, ErrorKind, ProtocolVersion, Server};
use serde_json::{Value, json};

use crate::peer::{Peer, error, result, settled};

/// A tool whose arguments HTTP repeats.
fn query() -> Tool {
    let properties = json!({
        "region": {"type": "string", "x-mcp-header": "Region"},
        "where": {"type": "object", "properties": {"row": {"type": "integer", "x-mcp-header": "Row"}}},
        "dry": {"type": "boolean", "x-mcp-header": "Dry"},
        "text": {"type": "string"},
    });
    Tool::new("query", schema(json!({"type": "object", "properties": properties})))
}

#[tokio::test]
async fn arguments_are_repeated_in_headers_as_the_tool_wants() {
    let server = Server::new("s", "1");
    let run = |arguments: Arguments| async move { arguments.0.to_string() };
    server.add(tool("query", run).input_schema(query().input_schema)).unwrap();
    let listening = server.listen(0).await.unwrap();
    for arguments in [
        json!({"region": "us-west1", "where": {"row": 42}, "dry": true, "text": "x"}),
        json!({"region": "Hello, 世界", "where": {"row": -7}, "dry": false}),
        json!({"region": " padded "}),
        json!({"region": "line1\nline2"}),
        json!({"region": "=?base64?literal?="}),
        json!({"region": ""}),
        json!({}),
    ] {
        // The server refuses what its headers do not repeat; this client has not listed the tool, and does so then.
        let client = Client::connect(listening.url()).await.unwrap();
        assert_eq!(client.protocol_version(), ProtocolVersion::V2026_07_28);
        for _ in 0..2 {
            let called = client.call_tool("query", &arguments).await.unwrap();
            assert!(!called.is_error, "{called:?}");
        }
    }
    listening.close().await;
}

/// A server of 2026-07-28 with these tools, which refuses calls with an error of a code as long as there is one.
fn peer(tools: Value, codes: &'static [i64]) -> Peer {
    let mut codes = codes.iter().copied();
    Peer::new(move |seen| match seen.body["method"].as_str() {
        Some("server/discover") => {
            result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}))
        }
        Some("tools/list") => result(seen, json!({"resultType": "complete", "tools": tools, "more": [1]})),
        _ => match codes.next() {
            Some(code) => error("400 Bad Request", seen, code),
            None => result(seen, json!({"resultType": "complete", "content": []})),
        },
    })
}

#[tokio::test]
async fn the_headers_of_a_listed_tool_come_with_the_first_call() {
    let mut peer = peer(json!([query()]), &[]);
    let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
    settled(client.list_tools()).await.unwrap();
    settled(
        client.call_tool("query", json!({"region": "eu", "where": {"row": 3}, "dry": null, "text": "x"})),
    )
    .await
    .unwrap();
    settled(client.call_tool("other", json!({"region": "eu"}))).await.unwrap();
    peer.sees(&["POST server/discover", "POST tools/list"]).await;
    let query = peer.next().await;
    assert_eq!(query.header("mcp-param-region"), Some("eu"));
    assert_eq!(query.header("mcp-param-row"), Some("3"));
    assert_eq!((query.header("mcp-param-dry"), query.header("mcp-param-text")), (None, None));
    assert!(!peer.next().await.head.contains("mcp-param"));
}

#[tokio::test]
async fn a_call_that_is_refused_for_its_headers_is_made_once_more() {
    let mut server = peer(json!([query()]), &[-32020]);
    let client = settled(Client::connect(server.url.as_str())).await.unwrap();
    settled(client.call_tool("query", json!({"region": "eu"}))).await.unwrap();
    server.sees(&["POST server/discover"]).await;
    assert_eq!(server.next().await.header("mcp-param-region"), None);
    server.sees(&["POST tools/list"]).await;
    assert_eq!(server.next().await.header("mcp-param-region"), Some("eu"));

    let mut server = peer(json!([query()]), &[-32020, -32020]);
    let client = settled(Client::connect(server.url.as_str())).await.unwrap();
    let refused = settled(client.call_tool("query", json!({"region": "eu"}))).await.unwrap_err();
    assert_eq!((refused.kind(), refused.rpc().unwrap().code), (ErrorKind::Rpc, -32020));
    server.sees(&["POST server/discover", "POST tools/call", "POST tools/list", "POST tools/call"]).await;
    assert!(server.rest().is_empty());

    let mut server = peer(json!([]), &[-32602]);
    let client = settled(Client::connect(server.url.as_str())).await.unwrap();
    settled(client.call_tool("query", json!({}))).await.unwrap_err();
    server.sees(&["POST server/discover", "POST tools/call"]).await;
    assert!(server.rest().is_empty());
}

#[tokio::test]
async fn tools_that_ask_for_headers_in_a_wrong_way_are_left_out_over_http_alone() {
    let wrong = |name: &str, property: Value| json!({"name": name, "inputSchema": {"type": "object", "properties": {"a": property}}});
    let tools = json!([
        wrong("empty", json!({"type": "string", "x-mcp-header": ""})),
        query(),
        wrong("space", json!({"type": "string", "x-mcp-header": "a b"})),
        wrong("number", json!({"type": "number", "x-mcp-header": "A"})),
        {"name": "plain", "inputSchema": {"type": "object"}, "mine": 1},
    ]);
    let names = |listed: Vec<Tool>| listed.into_iter().map(|tool| tool.name).collect::<Vec<_>>();
    let peer = peer(tools.clone(), &[]);
    let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
    assert_eq!(names(settled(client.list_tools()).await.unwrap()), ["query", "plain"]);
    let page = settled(client.list_tools_page(None)).await.unwrap();
    assert_eq!(page.extra["more"], json!([1]));
    assert_eq!(page.tools[1].extra["mine"], 1);

    let listed = Arc::new(Mutex::new(tools));
    let handshake = Peer::new(move |seen| match seen.body["method"].as_str() {
        Some("tools/list") => result(seen, json!({"tools": *listed.lock().unwrap()})),
        _ => crate::peer::handshake(seen).unwrap(),
    });
    let client = Client::connect(handshake.url.as_str()).only(ProtocolVersion::V2025_11_25);
    let client = settled(client).await.unwrap();
    assert_eq!(settled(client.list_tools()).await.unwrap().len(), 5);
}
