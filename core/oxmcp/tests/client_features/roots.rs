use oxmcp::model::Root;
use oxmcp::{Client, ErrorKind, ProtocolVersion, Server};
use serde_json::json;

use crate::peer::connect;

#[tokio::test]
async fn roots_are_told_and_change_at_run_time() {
    let project = Root { name: Some("Project".into()), ..Root::new("file:///project") };
    let (client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it.roots([project])).await;
    assert_eq!(peer.capabilities, json!({"roots": {"listChanged": true}}));
    let answer = peer.ask("roots/list", json!({})).await;
    assert_eq!(answer["result"]["roots"], json!([{"uri": "file:///project", "name": "Project"}]));

    client.set_roots([Root::new("file:///other")]).unwrap();
    assert_eq!(peer.receive().await["method"], "notifications/roots/list_changed");
    let answer = peer.ask("roots/list", json!({})).await;
    assert_eq!(answer["result"]["roots"], json!([{"uri": "file:///other"}]));
}

#[tokio::test]
async fn a_server_that_is_told_of_no_changes_is_promised_none() {
    let (client, mut peer) =
        connect(ProtocolVersion::V2026_07_28, |it| it.roots([Root::new("file:///a")])).await;
    assert_eq!(peer.capabilities, json!({"roots": {}}));
    client.set_roots([Root::new("file:///b")]).unwrap();
    let (request, called) = tokio::join!(
        async {
            let request = peer.receive().await;
            peer.answer(&request, json!({"resultType": "complete", "content": []})).await;
            request
        },
        client.call_tool("t", json!({}))
    );
    called.unwrap();
    assert_eq!(request["method"], "tools/call");
}

#[tokio::test]
async fn roots_that_were_not_declared_are_neither_told_nor_set() {
    let (client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it).await;
    assert_eq!(peer.capabilities, json!({}));
    assert_eq!(peer.ask("roots/list", json!({})).await["error"]["code"], -32601);
    assert_eq!(client.set_roots([Root::new("file:///x")]).unwrap_err().kind(), ErrorKind::Misuse);
}

#[tokio::test]
async fn a_root_is_a_file_uri() {
    let server = Server::new("s", "1");
    let error = Client::connect(server.clone()).roots([Root::new("https://x")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    let client = Client::connect(server).roots([]).await.unwrap();
    assert_eq!(client.set_roots([Root::new("/project")]).unwrap_err().kind(), ErrorKind::Misuse);
}
