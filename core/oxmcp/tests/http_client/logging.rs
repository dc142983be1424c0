use std::time::Duration;

use oxmcp::model::LoggingLevel;
use oxmcp::{Client, Limits, ProtocolVersion};
use serde_json::json;

use crate::peer::{Peer, Reply, SESSION, handshake, initialized, result, settled};

#[tokio::test]
async fn a_server_that_does_not_take_the_level_is_connected_to_nevertheless() {
    let mut peer = Peer::new(|seen| match seen.what().as_str() {
        "POST initialize" => initialized(seen, SESSION, json!({"tools": {}, "logging": {}})),
        "POST logging/setLevel" => Reply::Stuck(String::new()),
        "POST tools/list" => result(seen, json!({"tools": []})),
        _ => handshake(seen).unwrap(),
    });
    let limits = Limits::with(|it| it.probe = Duration::from_millis(1));
    let client = Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25).limits(limits);
    let client = settled(client.on_log(LoggingLevel::Info, |_, _| {})).await.unwrap();
    settled(client.list_tools()).await.unwrap();
    peer.sees(&["POST initialize", "POST notifications/initialized"]).await;
    let mut rest = [peer.next().await.what(), peer.next().await.what()];
    rest.sort();
    assert_eq!(rest, ["POST logging/setLevel", "POST tools/list"]);
    settled(client.close()).await.unwrap();
}
