use oxmcp::{Client, Limits};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::peer::{Peer, Reply, Seen, result, settled, stream};

fn of(seen: &Seen) -> Value {
    json!({"io.modelcontextprotocol/subscriptionId": seen.body["id"]})
}

fn acknowledgment(seen: &Seen) -> Value {
    let params = json!({"_meta": of(seen), "notifications": seen.body["params"]["notifications"]});
    json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": params})
}

#[tokio::test]
async fn a_stream_of_notifications_that_breaks_is_opened_again() {
    let mut listened = 0;
    let mut peer = Peer::new(move |seen| match seen.body["method"].as_str() {
        Some("subscriptions/listen") => {
            listened += 1;
            let uri = format!("x:{listened}");
            let params = json!({"uri": uri, "_meta": of(seen)});
            let updated =
                json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": params});
            let events = stream(&[acknowledgment(seen), updated]);
            if listened == 1 { Reply::Last(events) } else { Reply::Stuck(events) }
        }
        _ => {
            let capabilities = json!({"resources": {"subscribe": true}});
            result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": capabilities}))
        }
    });
    let (told, mut heard) = mpsc::unbounded_channel();
    let client =
        Client::connect(peer.url.as_str()).on_resource_updated(move |uri, _| told.send(uri).unwrap());
    let client = settled(client).await.unwrap();
    settled(client.subscribe("x:y")).await.unwrap();
    assert_eq!(settled(heard.recv()).await.unwrap(), "x:1");
    assert_eq!(settled(heard.recv()).await.unwrap(), "x:2");
    peer.sees(&["POST server/discover"]).await;
    for _ in 0..2 {
        let listen = peer.next().await;
        assert_eq!(listen.what(), "POST subscriptions/listen");
        assert_eq!(listen.body["params"]["notifications"], json!({"resourceSubscriptions": ["x:y"]}));
    }
    settled(client.close()).await.unwrap();
    assert!(peer.rest().is_empty());
}

#[tokio::test]
async fn listening_over_http_keeps_no_client_alive() {
    let peer = Peer::new(|seen| match seen.body["method"].as_str() {
        Some("subscriptions/listen") => Reply::Stuck(stream(&[acknowledgment(seen)])),
        _ => {
            let capabilities = json!({"resources": {"subscribe": true}});
            result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": capabilities}))
        }
    });
    let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
    settled(client.subscribe("x:y")).await.unwrap();
    let closed = client.closed();
    drop(client);
    settled(closed).await;
}

#[tokio::test]
async fn what_listens_takes_no_turn_from_calls() {
    let peer = Peer::new(|seen| match seen.body["method"].as_str() {
        Some("subscriptions/listen") => Reply::Stuck(stream(&[acknowledgment(seen)])),
        Some("resources/read") => result(seen, json!({"contents": [], "ttlMs": 0, "cacheScope": "private"})),
        _ => {
            let capabilities = json!({"resources": {"subscribe": true}});
            result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": capabilities}))
        }
    });
    let limits = Limits { http_connections: 1, ..Limits::default() };
    let client = settled(Client::connect(peer.url.as_str()).limits(limits)).await.unwrap();
    settled(client.subscribe("x:y")).await.unwrap();
    settled(client.read_resource("x:y")).await.unwrap();
    settled(client.close()).await.unwrap();
}
