use oxmcp::client::ServerList;
use oxmcp::{ErrorKind, ProtocolVersion};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::peer::{Peer, connect};

const STATELESS: ProtocolVersion = ProtocolVersion::V2026_07_28;

/// Receives `subscriptions/listen`.
async fn listened(peer: &mut Peer) -> Value {
    let request = peer.receive().await;
    assert_eq!(request["method"], "subscriptions/listen", "{request}");
    request
}

fn of(request: &Value) -> Value {
    json!({"io.modelcontextprotocol/subscriptionId": request["id"]})
}

/// Acknowledges what a client listens to, or something else.
async fn acknowledge(peer: &mut Peer, request: &Value, filter: Option<Value>) {
    let filter = filter.unwrap_or_else(|| request["params"]["notifications"].clone());
    let params = json!({"_meta": of(request), "notifications": filter});
    peer.tell("notifications/subscriptions/acknowledged", params).await;
}

#[tokio::test]
async fn resources_are_subscribed_to_by_requests_in_the_handshake_era() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let (client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| {
        it.on_resource_updated(move |uri, _| told.send(uri).unwrap())
    })
    .await;
    for (method, is_subscribing) in [("resources/subscribe", true), ("resources/unsubscribe", false)] {
        let serve = async {
            let request = peer.receive().await;
            assert_eq!(
                (request["method"].as_str(), &request["params"]["uri"]),
                (Some(method), &json!("x:y"))
            );
            peer.answer(&request, json!({})).await;
        };
        let call = async {
            match is_subscribing {
                true => client.subscribe("x:y").await,
                false => client.unsubscribe("x:y").await,
            }
        };
        tokio::join!(serve, call).1.unwrap();
    }
    peer.tell("notifications/resources/updated", json!({"uri": "x:y/z"})).await;
    assert_eq!(heard.recv().await.unwrap(), "x:y/z");
}

#[tokio::test]
async fn changes_of_lists_are_heard_in_every_era() {
    let lists = [
        ("tools", ServerList::Tools),
        ("resources", ServerList::Resources),
        ("prompts", ServerList::Prompts),
    ];
    for version in [ProtocolVersion::V2024_11_05, ProtocolVersion::V2025_11_25] {
        let (told, mut heard) = mpsc::unbounded_channel();
        let (_client, mut peer) =
            connect(version, |it| it.on_list_changed(move |list, _| told.send(list).unwrap())).await;
        for (name, list) in lists {
            peer.tell(&format!("notifications/{name}/list_changed"), json!({})).await;
            assert_eq!(heard.recv().await, Some(list));
        }
    }
}

#[tokio::test]
async fn one_stream_tells_of_everything_in_the_stateless_era() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let tell = told.clone();
    let (client, mut peer) = connect(STATELESS, |it| {
        it.on_list_changed(move |list, _| tell.send(format!("{list:?}")).unwrap())
            .on_resource_updated(move |uri, _| told.send(uri).unwrap())
            .limits(oxmcp::Limits::with(|it| it.probe = std::time::Duration::ZERO))
    })
    .await;
    let first = listened(&mut peer).await;
    let lists = json!({"toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true});
    assert_eq!(first["params"]["notifications"], lists);
    acknowledge(&mut peer, &first, None).await;
    // The client did not wait for that, and knows nothing of what was before.
    for list in ["Tools", "Resources", "Prompts"] {
        assert_eq!(heard.recv().await.unwrap(), list);
    }
    peer.tell("notifications/prompts/list_changed", json!({"_meta": of(&first)})).await;
    assert_eq!(heard.recv().await.unwrap(), "Prompts");

    let serve = async {
        let second = listened(&mut peer).await;
        assert_eq!(second["params"]["notifications"]["resourceSubscriptions"], json!(["x:y"]));
        assert_eq!(second["params"]["notifications"]["toolsListChanged"], true);
        // Of the stream before there may still be something on the way.
        peer.tell("notifications/resources/updated", json!({"uri": "x:early", "_meta": of(&first)})).await;
        acknowledge(&mut peer, &second, None).await;
        // Only now the first is closed.
        let cancelled = peer.receive().await;
        assert_eq!(cancelled["method"], "notifications/cancelled");
        assert_eq!(cancelled["params"]["requestId"], first["id"]);
        peer.tell("notifications/resources/updated", json!({"uri": "x:y", "_meta": of(&second)})).await;
    };
    let ((), subscribed) = tokio::join!(serve, client.subscribe("x:y"));
    subscribed.unwrap();
    assert_eq!(heard.recv().await.unwrap(), "x:early");
    assert_eq!(heard.recv().await.unwrap(), "x:y");

    client.unsubscribe("x:y").await.unwrap();
    let third = listened(&mut peer).await;
    assert_eq!(third["params"]["notifications"], lists);
}

#[tokio::test]
async fn a_resource_to_which_the_server_does_not_agree_is_no_longer_wanted() {
    let (client, mut peer) = connect(STATELESS, |it| it).await;
    let serve = async {
        let request = listened(&mut peer).await;
        acknowledge(&mut peer, &request, Some(json!({}))).await;
        assert_eq!(peer.receive().await["method"], "notifications/cancelled");
    };
    let ((), refused) = tokio::join!(serve, client.subscribe("x:y"));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_server_that_knows_no_subscriptions_fails_them() {
    let (client, mut peer) = connect(STATELESS, |it| it).await;
    let serve = async {
        let request = listened(&mut peer).await;
        let error = json!({"code": -32601, "message": "no"});
        peer.send(json!({"jsonrpc": "2.0", "id": request["id"], "error": error})).await;
    };
    let ((), refused) = tokio::join!(serve, client.subscribe("x:y"));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Rpc);
}

#[tokio::test]
async fn a_stream_that_the_server_closed_is_opened_again_with_what_is_wanted_now() {
    let (client, mut peer) = connect(STATELESS, |it| it).await;
    let serve = async {
        let request = listened(&mut peer).await;
        acknowledge(&mut peer, &request, None).await;
        request
    };
    let (request, subscribed) = tokio::join!(serve, client.subscribe("x:a"));
    subscribed.unwrap();
    peer.answer(&request, json!({"resultType": "complete", "_meta": of(&request)})).await;
    let again = listened(&mut peer).await;
    assert_eq!(again["params"]["notifications"]["resourceSubscriptions"], json!(["x:a"]));
    peer.answer(&again, json!({"resultType": "complete", "_meta": of(&again)})).await;
    let serve = async {
        let mut request = listened(&mut peer).await;
        if request["params"]["notifications"]["resourceSubscriptions"] == json!(["x:a"]) {
            // It came before the wish.
            acknowledge(&mut peer, &request, None).await;
            request = listened(&mut peer).await;
        }
        assert_eq!(request["params"]["notifications"]["resourceSubscriptions"], json!(["x:a", "x:b"]));
        acknowledge(&mut peer, &request, None).await;
    };
    tokio::join!(serve, client.subscribe("x:b")).1.unwrap();
}

/// Time passes when nobody has anything else to do.
#[tokio::test(start_paused = true)]
async fn listening_goes_on_however_often_it_fails() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let (client, mut peer) =
        connect(STATELESS, |it| it.on_resource_updated(move |uri, _| told.send(uri).unwrap())).await;
    let serve = async {
        let request = listened(&mut peer).await;
        acknowledge(&mut peer, &request, None).await;
        request
    };
    let (mut request, subscribed) = tokio::join!(serve, client.subscribe("x:y"));
    subscribed.unwrap();
    for times in 0..100 {
        if times % 2 == 0 {
            let full = json!({"code": -32603, "message": "too many open subscriptions; try again later"});
            peer.send(json!({"jsonrpc": "2.0", "id": request["id"], "error": full})).await;
        } else {
            peer.answer(&request, json!({"resultType": "complete", "_meta": of(&request)})).await;
        }
        request = listened(&mut peer).await;
    }
    assert!(heard.try_recv().is_err());
    acknowledge(&mut peer, &request, None).await;
    assert_eq!(heard.recv().await.unwrap(), "x:y");
}

#[tokio::test(start_paused = true)]
async fn whoever_waited_too_long_to_subscribe_is_told_why() {
    let (client, mut peer) = connect(STATELESS, |it| it).await;
    let serve = async {
        loop {
            let request = listened(&mut peer).await;
            peer.answer(&request, json!({"resultType": "complete", "_meta": of(&request)})).await;
        }
    };
    let error = tokio::select! {
        () = serve => unreachable!(),
        subscribed = client.subscribe("x:y") => subscribed.unwrap_err(),
    };
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("the server has closed the stream of notifications"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_slow_to_agree_may_have_changed_meanwhile() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let (_client, mut peer) =
        connect(STATELESS, |it| it.on_list_changed(move |list, _| told.send(list).unwrap())).await;
    let request = listened(&mut peer).await;
    acknowledge(&mut peer, &request, None).await;
    for list in [ServerList::Tools, ServerList::Resources, ServerList::Prompts] {
        assert_eq!(heard.recv().await, Some(list));
    }
}

#[tokio::test]
async fn whoever_no_longer_waits_to_subscribe_takes_nothing_from_others() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let (client, mut peer) =
        connect(STATELESS, |it| it.on_resource_updated(move |uri, _| told.send(uri).unwrap())).await;
    let mut first = Box::pin(client.subscribe("x:y"));
    assert!(futures_util::poll!(&mut first).is_pending());
    let serve = async {
        let request = listened(&mut peer).await;
        acknowledge(&mut peer, &request, None).await;
        request
    };
    let (request, subscribed) = tokio::join!(serve, client.subscribe("x:y"));
    subscribed.unwrap();
    drop(first);
    client.subscribe("x:y").await.unwrap();
    peer.tell("notifications/resources/updated", json!({"uri": "x:y", "_meta": of(&request)})).await;
    assert_eq!(heard.recv().await.unwrap(), "x:y");
    client.unsubscribe("x:y").await.unwrap();
    let cancelled = peer.receive().await;
    assert_eq!(
        (&cancelled["method"], &cancelled["params"]["requestId"]),
        (&json!("notifications/cancelled"), &request["id"])
    );
}

#[tokio::test]
async fn a_server_hears_that_nobody_waits_for_its_consent_any_more() {
    let (client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it).await;
    let mut waiting = [Box::pin(client.subscribe("x:y")), Box::pin(client.subscribe("x:y"))];
    for waiting in &mut waiting {
        assert!(futures_util::poll!(waiting).is_pending());
        assert_eq!(peer.receive().await["method"], "resources/subscribe");
    }
    for waiting in waiting {
        // The other may still want it.
        drop(waiting);
        assert_eq!(peer.receive().await["method"], "notifications/cancelled");
    }
    let left = peer.receive().await;
    assert_eq!((&left["method"], &left["params"]), (&json!("resources/unsubscribe"), &json!({"uri": "x:y"})));

    // Whoever wants it again waits for that, so that it does not undo it.
    let mut again = Box::pin(client.subscribe("x:y"));
    assert!(futures_util::poll!(&mut again).is_pending());
    let other = client.subscribe("x:z");
    let serve = async {
        let request = peer.receive().await;
        assert_eq!(request["params"]["uri"], "x:z", "{request}");
        peer.answer(&request, json!({})).await;
    };
    tokio::join!(serve, other).1.unwrap();
    let serve = async {
        peer.answer(&left, json!({})).await;
        let request = peer.receive().await;
        assert_eq!(
            (&request["method"], &request["params"]["uri"]),
            (&json!("resources/subscribe"), &json!("x:y"))
        );
        peer.answer(&request, json!({})).await;
    };
    tokio::join!(serve, again).1.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_timed_out_is_taken_back() {
    let (client, mut peer) = connect(ProtocolVersion::V2025_11_25, |it| it).await;
    assert_eq!(client.subscribe("x:y").await.unwrap_err().kind(), ErrorKind::Timeout);
    for method in ["resources/subscribe", "notifications/cancelled", "resources/unsubscribe"] {
        assert_eq!(peer.receive().await["method"], method);
    }
}

#[tokio::test]
async fn no_more_is_subscribed_to_than_the_limit_in_any_era() {
    for version in [ProtocolVersion::V2025_11_25, STATELESS] {
        let limits = oxmcp::Limits::with(|it| it.subscriptions = 1);
        let (client, mut peer) = connect(version, |it| it.limits(limits)).await;
        let serve = tokio::spawn(async move {
            while let Some(request) = peer.next().await {
                match request["method"].as_str() {
                    Some("subscriptions/listen") => acknowledge(&mut peer, &request, None).await,
                    Some("notifications/cancelled") => {}
                    _ if request["params"]["uri"] == "x:unknown" => {
                        let error = json!({"code": -32002, "message": "no"});
                        peer.send(json!({"jsonrpc": "2.0", "id": request["id"], "error": error})).await;
                    }
                    _ => peer.answer(&request, json!({})).await,
                }
            }
        });
        if version != STATELESS {
            // What the server refuses takes no room.
            client.subscribe("x:unknown").await.unwrap_err();
        }
        client.subscribe("x:y").await.unwrap();
        client.subscribe("x:y").await.unwrap();
        assert_eq!(client.subscribe("x:z").await.unwrap_err().kind(), ErrorKind::Overloaded, "{version}");
        client.unsubscribe("x:y").await.unwrap();
        client.subscribe("x:z").await.unwrap();
        client.close().await.unwrap();
        serve.await.unwrap();
    }
}

#[tokio::test]
async fn listening_keeps_no_client_alive() {
    let (client, mut peer) = connect(STATELESS, |it| it).await;
    let serve = async {
        let request = listened(&mut peer).await;
        acknowledge(&mut peer, &request, None).await;
    };
    tokio::join!(serve, client.subscribe("x:y")).1.unwrap();
    let closed = client.closed();
    drop(client);
    closed.await;
    while peer.next().await.is_some() {}
}

#[tokio::test]
async fn the_end_of_the_connection_ends_a_subscription_that_is_waited_for() {
    let (client, mut peer) = connect(STATELESS, |it| it).await;
    let serve = async {
        listened(&mut peer).await;
        drop(peer);
    };
    let ((), ended) = tokio::join!(serve, client.subscribe("x:y"));
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(client.subscribe("x:y").await.unwrap_err().kind(), ErrorKind::Closed);
}
