use oxmcp::{Client, ProtocolVersion};
use serde_json::{Value, json};

use crate::peer::{Peer, Reply, Seen, accepted, handshake, result, settled, stream};

fn tool_result(seen: &Seen) -> Value {
    json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {"content": [{"type": "text", "text": "done"}]}})
}

/// Asks the client something before it answers a call.
fn asking(seen: &Seen) -> Reply {
    let ping = json!({"jsonrpc": "2.0", "id": "p", "method": "ping"});
    match seen.what().as_str() {
        "POST tools/call" => Reply::Stuck(stream(&[ping, tool_result(seen)])),
        "POST answer" => accepted(),
        "POST server/discover" if seen.head.contains("2026-07-28") => {
            result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}))
        }
        _ => handshake(seen).unwrap(),
    }
}

#[tokio::test]
async fn a_request_of_the_server_is_answered_in_its_session() {
    let mut peer = Peer::new(asking);
    let client =
        settled(Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25)).await.unwrap();
    settled(client.call_tool("asks", json!({}))).await.unwrap();
    settled(client.close()).await.unwrap();
    peer.sees(&["POST initialize", "POST notifications/initialized", "POST tools/call"]).await;
    let answer = peer.next().await;
    assert_eq!(answer.body, json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
    assert!(answer.is_in_session());
    peer.sees(&["DELETE"]).await;
}

#[tokio::test]
async fn a_stateless_server_gets_no_answers() {
    let mut peer = Peer::new(asking);
    let client =
        settled(Client::connect(peer.url.as_str()).only(ProtocolVersion::V2026_07_28)).await.unwrap();
    settled(client.call_tool("asks", json!({}))).await.unwrap();
    settled(client.close()).await.unwrap();
    peer.sees(&["POST server/discover", "POST tools/call"]).await;
    assert!(peer.rest().is_empty());
}
