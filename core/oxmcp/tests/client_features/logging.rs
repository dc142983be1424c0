use std::time::Duration;

use oxmcp::model::LoggingLevel;
use oxmcp::{Limits, ProtocolVersion};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::peer::{connect, everything};

#[tokio::test]
async fn log_messages_are_heard_in_the_stateless_era_with_a_level_in_every_request() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let (client, mut peer) = connect(ProtocolVersion::V2026_07_28, |it| {
        it.on_log(LoggingLevel::Warning, move |message, _| told.send(message.data).unwrap())
    })
    .await;
    let serve = async {
        let mut levels = Vec::new();
        for _ in 0..3 {
            let request = peer.receive().await;
            levels.push(request["params"]["_meta"]["io.modelcontextprotocol/logLevel"].clone());
            peer.tell("notifications/message", json!({"level": "error", "data": levels.len()})).await;
            peer.answer(&request, json!({"resultType": "complete", "tools": [], "prompts": []})).await;
        }
        levels
    };
    let call = async {
        client.list_tools().await.unwrap();
        client.list_prompts_page(None).log_level(LoggingLevel::Debug).await.unwrap();
        client.set_log_level(LoggingLevel::Alert).await.unwrap();
        client.list_tools().await.unwrap();
    };
    let (levels, ()) = tokio::join!(serve, call);
    assert_eq!(levels, [json!("warning"), json!("debug"), json!("alert")]);
    for at in 1..=3 {
        assert_eq!(heard.recv().await, Some(json!(at)));
    }
}

#[tokio::test]
async fn a_server_of_the_handshake_era_is_told_the_level() {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (told, mut heard) = mpsc::unbounded_channel();
    let connect = oxmcp::Client::connect(tokio::io::split(ours))
        .only(ProtocolVersion::V2025_11_25)
        .on_log(LoggingLevel::Info, move |message, _| told.send(message.level).unwrap());
    let serve = async move {
        let mut peer = crate::peer::Peer::new(theirs);
        let request = peer.receive().await;
        let info = json!({"name": "by hand", "version": "1"});
        let result =
            json!({"protocolVersion": "2025-11-25", "capabilities": everything(), "serverInfo": info});
        peer.answer(&request, result).await;
        assert_eq!(peer.receive().await["method"], "notifications/initialized");
        let request = peer.receive().await;
        assert_eq!(request["method"], "logging/setLevel");
        assert_eq!(request["params"]["level"], "info");
        peer.answer(&request, json!({})).await;
        peer.tell("notifications/message", json!({"level": "loud", "data": 1})).await;
        peer.tell("notifications/message", json!({"level": "alert", "data": 1})).await;
        peer
    };
    let (client, mut peer) = tokio::join!(connect.into_future(), serve);
    assert_eq!(heard.recv().await, Some(LoggingLevel::Alert));
    let client = client.unwrap();
    let (set, request) = tokio::join!(client.set_log_level(LoggingLevel::Error), async {
        let request = peer.receive().await;
        peer.answer(&request, json!({})).await;
        request
    });
    set.unwrap();
    assert_eq!(request["params"], json!({"level": "error"}));
    assert_eq!(request["params"]["_meta"], Value::Null);
}

/// Time passes when nobody has anything else to do.
#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_take_the_level_is_connected_to_nevertheless() {
    for connect_limit in [Duration::from_secs(30), Duration::from_secs(1)] {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let connect = oxmcp::Client::connect(tokio::io::split(ours))
            .only(ProtocolVersion::V2025_11_25)
            .limits(Limits::with(|it| it.connect = connect_limit))
            .on_log(LoggingLevel::Info, |_, _| {});
        let serve = async move {
            let mut peer = crate::peer::Peer::new(theirs);
            let request = peer.receive().await;
            let info = json!({"name": "by hand", "version": "1"});
            let result =
                json!({"protocolVersion": "2025-11-25", "capabilities": everything(), "serverInfo": info});
            peer.answer(&request, result).await;
            assert_eq!(peer.receive().await["method"], "notifications/initialized");
            (peer.receive().await, peer)
        };
        let (client, (set_level, mut peer)) = tokio::join!(connect.into_future(), serve);
        let client = client.unwrap();
        assert_eq!(set_level["method"], "logging/setLevel");
        // Nothing takes that back, and it keeps nobody waiting.
        let (pinged, ()) = tokio::join!(client.ping(), async {
            let request = peer.receive().await;
            assert_eq!(request["method"], "ping");
            peer.answer(&request, json!({})).await;
        });
        pinged.unwrap();
        let closed = client.closed();
        drop(client);
        closed.await;
    }
}
