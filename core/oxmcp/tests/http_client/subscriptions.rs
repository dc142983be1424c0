use futures_util::future::{join, join_all};
use oxmcp::client::ServerList;
use oxmcp::{Client, ErrorKind, Limits};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::peer::{Peer, Reply, Seen, error, response, result, settled, stream};

fn of(seen: &Seen) -> Value {
    json!({"io.modelcontextprotocol/subscriptionId": seen.body["id"]})
}

fn acknowledgment(seen: &Seen) -> Value {
    let params = json!({"_meta": of(seen), "notifications": seen.body["params"]["notifications"]});
    json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": params})
}

/// A server that tells of changes as `on_listen` says, which hears how often it was listened to before, and which has no tools.
fn listened_to(mut on_listen: impl FnMut(usize, &Seen) -> Reply + Send + 'static) -> Peer {
    let mut times = 0;
    Peer::new(move |seen| match seen.body["method"].as_str() {
        Some("subscriptions/listen") => {
            times += 1;
            on_listen(times - 1, seen)
        }
        Some("tools/list") => result(seen, json!({"tools": [], "ttlMs": 3_600_000, "cacheScope": "private"})),
        Some("resources/read") => {
            result(seen, json!({"contents": [], "ttlMs": 3_600_000, "cacheScope": "private"}))
        }
        _ => {
            let capabilities = json!({"resources": {"subscribe": true}, "tools": {"listChanged": true}});
            result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": capabilities}))
        }
    })
}

/// A stream of notifications that begins with its acknowledgment, and goes on as somebody else says.
fn acknowledged(seen: &Seen) -> (mpsc::UnboundedSender<String>, Reply) {
    let (events, read) = mpsc::unbounded_channel();
    events.send(event(&acknowledgment(seen))).unwrap();
    (events, Reply::Events(read))
}

fn event(message: &Value) -> String {
    format!("data: {message}\n\n")
}

fn updated(uri: &str) -> String {
    let params = json!({"uri": uri});
    event(&json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": params}))
}

/// The resources that a request listens to.
fn uris(seen: &Seen) -> &Value {
    assert_eq!(seen.what(), "POST subscriptions/listen");
    &seen.body["params"]["notifications"]["resourceSubscriptions"]
}

#[tokio::test]
async fn a_stream_of_notifications_that_ends_is_opened_again_whatever_comes_between() {
    let (opened, mut streams) = mpsc::unbounded_channel();
    let mut peer = listened_to(move |times, seen| match times {
        1 => response("503 Service Unavailable", &[], "restarting"),
        2 => error("200 OK", seen, -32603),
        _ => {
            let (events, reply) = acknowledged(seen);
            opened.send(events).unwrap();
            reply
        }
    });
    let (told, mut heard) = mpsc::unbounded_channel();
    let client =
        Client::connect(peer.url.as_str()).on_resource_updated(move |uri, _| told.send(uri).unwrap());
    let client = settled(client).await.unwrap();
    settled(client.subscribe("x:y")).await.unwrap();
    let first = settled(streams.recv()).await.unwrap();
    first.send(updated("x:y/1")).unwrap();
    assert_eq!(settled(heard.recv()).await.unwrap(), "x:y/1");
    drop(first);
    let second = settled(streams.recv()).await.unwrap();
    // It may have changed meanwhile.
    assert_eq!(settled(heard.recv()).await.unwrap(), "x:y");
    second.send(updated("x:y/2")).unwrap();
    assert_eq!(settled(heard.recv()).await.unwrap(), "x:y/2");
    peer.sees(&["POST server/discover"]).await;
    for _ in 0..4 {
        assert_eq!(*uris(&peer.next().await), json!(["x:y"]));
    }
    settled(client.close()).await.unwrap();
    assert!(peer.rest().is_empty());
}

#[tokio::test]
async fn what_changed_while_nobody_listened_is_told_and_forgotten() {
    let (opened, mut streams) = mpsc::unbounded_channel();
    let mut peer = listened_to(move |_, seen| {
        let (events, reply) = acknowledged(seen);
        opened.send((events, seen.body["id"].clone(), of(seen))).unwrap();
        reply
    });
    let (told, mut heard) = mpsc::unbounded_channel();
    let client = Client::connect(peer.url.as_str()).on_list_changed(move |list, _| told.send(list).unwrap());
    let client = settled(client).await.unwrap();
    let (first, id, meta) = settled(streams.recv()).await.unwrap();
    for _ in 0..2 {
        settled(client.list_tools()).await.unwrap();
        settled(client.read_resource("x:y")).await.unwrap();
    }
    peer.sees(&["POST server/discover", "POST subscriptions/listen", "POST tools/list"]).await;
    peer.sees(&["POST resources/read"]).await;
    assert!(peer.rest().is_empty(), "the second time, the results are there already");
    assert!(heard.try_recv().is_err());
    // The server ends the stream on purpose, as one does that is restarted.
    let end = json!({"resultType": "complete", "_meta": meta});
    first.send(event(&json!({"jsonrpc": "2.0", "id": id, "result": end}))).unwrap();
    drop(first);
    let _second = settled(streams.recv()).await.unwrap();
    assert_eq!(settled(heard.recv()).await, Some(ServerList::Tools));
    settled(client.list_tools()).await.unwrap();
    settled(client.read_resource("x:y")).await.unwrap();
    peer.sees(&["POST subscriptions/listen", "POST tools/list", "POST resources/read"]).await;
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn whoever_subscribes_waits_for_a_server_that_comes_back() {
    let mut peer = listened_to(|times, seen| match times {
        0 => response("503 Service Unavailable", &[], "starting"),
        1 => Reply::Hang,
        _ => Reply::Stuck(stream(&[acknowledgment(seen)])),
    });
    let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
    settled(client.subscribe("x:y")).await.unwrap();
    peer.sees(&["POST server/discover"]).await;
    for _ in 0..3 {
        assert_eq!(*uris(&peer.next().await), json!(["x:y"]));
    }
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn a_subscription_that_is_refused_takes_nothing_from_others() {
    let (opened, mut streams) = mpsc::unbounded_channel();
    let mut peer = listened_to(move |_, seen| {
        if uris(seen).as_array().unwrap().contains(&json!("x:secret")) {
            return error("200 OK", seen, -32602);
        }
        let (events, reply) = acknowledged(seen);
        opened.send(events).unwrap();
        reply
    });
    let (told, mut heard) = mpsc::unbounded_channel();
    let client =
        Client::connect(peer.url.as_str()).on_resource_updated(move |uri, _| told.send(uri).unwrap());
    let client = settled(client).await.unwrap();
    settled(client.subscribe("x:y")).await.unwrap();
    let first = settled(streams.recv()).await.unwrap();
    let refused = settled(client.subscribe("x:secret")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.rpc().unwrap().code), (ErrorKind::Rpc, -32602));
    // The stream that there was is still there.
    first.send(updated("x:y")).unwrap();
    assert_eq!(settled(heard.recv()).await.unwrap(), "x:y");
    settled(client.subscribe("x:z")).await.unwrap();
    let second = settled(streams.recv()).await.unwrap();
    drop(second);
    let _third = settled(streams.recv()).await.unwrap();
    settled(client.close()).await.unwrap();
    peer.sees(&["POST server/discover"]).await;
    for expected in [json!(["x:y"]), json!(["x:secret", "x:y"]), json!(["x:y", "x:z"]), json!(["x:y", "x:z"])]
    {
        assert_eq!(*uris(&peer.next().await), expected);
    }
    assert!(peer.rest().is_empty());
}

#[tokio::test]
async fn wishes_gather_while_a_stream_waits_for_its_acknowledgment() {
    let (opened, mut streams) = mpsc::unbounded_channel();
    let mut peer = listened_to(move |times, seen| match times {
        0 => {
            let (events, read) = mpsc::unbounded_channel();
            opened.send((events, event(&acknowledgment(seen)))).unwrap();
            Reply::Events(read)
        }
        _ => Reply::Stuck(stream(&[acknowledgment(seen)])),
    });
    let client = settled(Client::connect(peer.url.as_str())).await.unwrap();
    let first = client.subscribe("x:0");
    let serve = async {
        let (events, acknowledgment) = settled(streams.recv()).await.unwrap();
        let more = join_all((1..10).map(|at| client.subscribe(format!("x:{at}"))));
        let acknowledge = async {
            // The others have said what they want by now: all of it is polled in order.
            events.send(acknowledgment).unwrap();
        };
        for subscribed in settled(join(more, acknowledge)).await.0 {
            subscribed.unwrap();
        }
        // As long as the sender is there, the first stream stays open.
        drop(events);
    };
    settled(join(first, serve)).await.0.unwrap();
    settled(client.close()).await.unwrap();
    peer.sees(&["POST server/discover"]).await;
    assert_eq!(*uris(&peer.next().await), json!(["x:0"]));
    let all: Vec<_> = (0..10).map(|at| format!("x:{at}")).collect();
    assert_eq!(*uris(&peer.next().await), json!(all));
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
    let limits = Limits::with(|it| it.http_connections = 1);
    let client = settled(Client::connect(peer.url.as_str()).limits(limits)).await.unwrap();
    settled(client.subscribe("x:y")).await.unwrap();
    settled(client.read_resource("x:y")).await.unwrap();
    settled(client.close()).await.unwrap();
}
