use oxmcp::{ErrorKind, ProtocolVersion};
use serde_json::{Value, json};

use crate::peer::{Peer, connect};

/// Has a tool `t` whose results have a number, and answers its calls with what they want as a result.
fn serve(mut peer: Peer) -> tokio::task::JoinHandle<()> {
    let schema = json!({"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]});
    let tool = json!({"name": "t", "inputSchema": {"type": "object"}, "outputSchema": schema});
    let odd = json!({"name": "odd", "inputSchema": {"type": "object"}, "outputSchema": {"type": 7}});
    tokio::spawn(async move {
        while let Some(request) = peer.next().await {
            let mut result = match request["method"].as_str() {
                Some("tools/list") => json!({"tools": [tool, odd]}),
                _ => request["params"]["arguments"].clone(),
            };
            if result["changed"] == true {
                peer.tell("notifications/tools/list_changed", json!({})).await;
            }
            result["resultType"] = "complete".into();
            peer.answer(&request, result).await;
        }
    })
}

fn structured(content: Value) -> Value {
    json!({"content": [], "structuredContent": content})
}

#[tokio::test]
async fn a_result_that_breaks_the_schema_of_a_listed_tool_is_an_error() {
    for version in [ProtocolVersion::V2025_06_18, ProtocolVersion::V2026_07_28] {
        let (client, peer) = connect(version, |it| it).await;
        serve(peer);
        // It is not known yet.
        client.call_tool("t", structured(json!({"n": "x"}))).await.unwrap();
        client.list_tools().await.unwrap();
        client.call_tool("t", structured(json!({"n": 1}))).await.unwrap();
        client.call_tool("t", json!({"content": [], "isError": true})).await.unwrap();
        client.call_tool("odd", structured(json!({}))).await.unwrap();
        client.call_tool("other", structured(json!({}))).await.unwrap();
        for broken in [structured(json!({"n": "x"})), structured(json!({})), json!({"content": []})] {
            let error = client.call_tool("t", broken).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        }
    }
}

#[tokio::test]
async fn nothing_is_checked_when_that_is_not_wanted_or_the_tools_have_changed() {
    let broken = structured(json!({"n": "x"}));
    let (client, peer) = connect(ProtocolVersion::V2025_11_25, |it| it.check_output(false)).await;
    serve(peer);
    client.list_tools().await.unwrap();
    client.call_tool("t", &broken).await.unwrap();

    let (client, peer) = connect(ProtocolVersion::V2025_11_25, |it| it).await;
    serve(peer);
    client.list_tools().await.unwrap();
    client.call_tool("t", &broken).await.unwrap_err();
    let mut changed = broken.clone();
    changed["changed"] = true.into();
    client.call_tool("t", &changed).await.unwrap();
    client.call_tool("t", &broken).await.unwrap();
}
