use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oxmcp::client::Call;
use oxmcp::layer::{LayerRequest, Next, from_fn};
use oxmcp::{Limits, Method, ProtocolVersion, RawJson};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::peer::{Peer, connect};

const STATELESS: ProtocolVersion = ProtocolVersion::V2026_07_28;

/// Answers with results that say how many requests there were, and what of them may be kept for how long. A tool's call has the server
/// notify what it names.
fn serve(mut peer: Peer, ttl: Value) -> Arc<AtomicUsize> {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    tokio::spawn(async move {
        while let Some(request) = peer.next().await {
            let at = count.fetch_add(1, Ordering::SeqCst) + 1;
            let name = at.to_string();
            let item =
                json!({"name": name, "uri": name, "uriTemplate": name, "inputSchema": {"type": "object"}});
            let contents = json!([{"uri": "x:y", "text": name}]);
            let result = json!({"resultType": "complete", "cacheScope": "private", "content": [], "contents": contents,
                "tools": [item], "resources": [item], "resourceTemplates": [item], "prompts": [item], "ttlMs": ttl});
            if request["params"]["cursor"] == "bad" {
                let error = json!({"code": -32602, "message": "no such page"});
                peer.send(json!({"jsonrpc": "2.0", "id": request["id"], "error": error})).await;
                continue;
            }
            if request["method"] == "tools/call" {
                peer.tell(request["params"]["name"].as_str().unwrap(), json!({"uri": "x:y"})).await;
            }
            peer.answer(&request, result).await;
        }
    });
    requests
}

#[tokio::test]
async fn what_may_be_kept_is_not_asked_for_again() {
    let (client, peer) = connect(STATELESS, |it| it).await;
    let requests = serve(peer, json!(60_000));
    for _ in 0..2 {
        assert_eq!(client.list_tools().await.unwrap()[0].name, "1");
        assert_eq!(client.list_prompts_page(None).await.unwrap().prompts[0].name, "2");
        assert_eq!(client.read_resource("x:y").await.unwrap().contents[0].text.as_deref(), Some("3"));
        assert_eq!(client.read_resource("x:z").await.unwrap().contents[0].text.as_deref(), Some("4"));
        let (done, outcome) = oneshot::channel();
        let params = RawJson::of(&json!({"uri": "x:started"})).unwrap();
        client.start(Call::new(Method::ReadResource, params), move |result| {
            done.send(result.unwrap()).unwrap()
        });
        assert_eq!(outcome.await.unwrap().to::<Value>().unwrap()["contents"][0]["text"], "5");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 5);
    assert_eq!(client.list_tools().no_cache().await.unwrap()[0].name, "6");
    // What was asked for anew is kept in its place.
    assert_eq!(client.list_tools().await.unwrap()[0].name, "6");
    // Calls are never kept.
    for _ in 0..2 {
        client.call_tool("x/y", json!({})).await.unwrap();
        client.ping().await.unwrap();
    }
    assert_eq!(requests.load(Ordering::SeqCst), 10);
}

#[tokio::test]
async fn a_notification_makes_what_it_is_about_be_asked_for_again() {
    let (client, peer) = connect(STATELESS, |it| it).await;
    let requests = serve(peer, json!(60_000));
    let read = async || {
        let before = requests.load(Ordering::SeqCst);
        client.list_tools().await.unwrap();
        client.list_prompts().await.unwrap();
        client.list_resources().await.unwrap();
        client.list_resource_templates().await.unwrap();
        client.read_resource("x:y").await.unwrap();
        requests.load(Ordering::SeqCst) - before
    };
    assert_eq!(read().await, 5);
    for (notification, changed) in [
        ("notifications/tools/list_changed", 1),
        ("notifications/prompts/list_changed", 1),
        ("notifications/resources/list_changed", 2),
        ("notifications/resources/updated", 1),
        ("notifications/message", 0),
    ] {
        client.call_tool(notification, json!({})).await.unwrap();
        assert_eq!(read().await, changed, "{notification}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_is_asked_for_again() {
    let (client, peer) = connect(STATELESS, |it| it).await;
    let requests = serve(peer, json!(1000));
    client.list_tools().await.unwrap();
    tokio::time::advance(Duration::from_millis(999)).await;
    client.list_tools().await.unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    tokio::time::advance(Duration::from_millis(1)).await;
    client.list_tools().await.unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn nothing_is_kept_without_a_hint_in_the_handshake_era_or_when_it_is_not_wanted() {
    for ttl in [json!(0), json!(-1), Value::Null, json!("soon")] {
        let (client, peer) = connect(STATELESS, |it| it).await;
        let requests = serve(peer, ttl.clone());
        let list = || client.call(Call::new(Method::ListTools, RawJson::empty_object()));
        list().await.unwrap();
        list().await.unwrap();
        assert_eq!(requests.load(Ordering::SeqCst), 2, "{ttl}");
    }
    let none = Limits::with(|it| it.cache_entries = 0);
    let small = Limits::with(|it| it.cache_bytes = 100);
    for (version, limits) in
        [(ProtocolVersion::V2025_11_25, Limits::default()), (STATELESS, none), (STATELESS, small)]
    {
        let (client, peer) = connect(version, |it| it.limits(limits)).await;
        let requests = serve(peer, json!(60_000));
        client.list_tools().await.unwrap();
        client.list_tools().await.unwrap();
        assert_eq!(requests.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test]
async fn no_more_is_kept_than_the_limit() {
    let limits = Limits::with(|it| it.cache_entries = 2);
    let (client, peer) = connect(STATELESS, |it| it.limits(limits)).await;
    let requests = serve(peer, json!(60_000));
    for uri in ["x:1", "x:2", "x:3"] {
        client.read_resource(uri).await.unwrap();
    }
    client.read_resource("x:3").await.unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 3);
    client.read_resource("x:1").await.unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_page_that_is_refused_has_the_list_read_anew() {
    let (client, peer) = connect(STATELESS, |it| it).await;
    let requests = serve(peer, json!(60_000));
    client.list_tools().await.unwrap();
    client.list_tools_page(Some("bad")).await.unwrap_err();
    client.list_tools().await.unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_depends_on_input_is_not_kept() {
    let (client, mut peer) = connect(STATELESS, |it| it).await;
    let complete = json!({"resultType": "complete", "contents": [], "ttlMs": 60_000});
    for _ in 0..2 {
        let serve = async {
            let request = peer.receive().await;
            peer.answer(&request, json!({"resultType": "input_required", "requestState": "s"})).await;
            let request = peer.receive().await;
            peer.answer(&request, complete.clone()).await;
        };
        tokio::join!(serve, client.read_resource("x:y")).1.unwrap();
    }
}

#[tokio::test]
async fn what_may_depend_on_the_metadata_of_a_request_is_not_kept() {
    let (client, peer) = connect(STATELESS, |it| it).await;
    let requests = serve(peer, json!(60_000));
    let read = async |request: oxmcp::client::Request<oxmcp::model::ReadResourceResult>| {
        request.await.unwrap().contents[0].text.clone().unwrap()
    };
    // A trace makes no difference.
    assert_eq!(read(client.read_resource("x:y")).await, "1");
    assert_eq!(read(client.read_resource("x:y").meta("traceparent", "00-1-2-01")).await, "1");
    for (tenant, expected) in [("a", "2"), ("b", "3"), ("a", "4")] {
        assert_eq!(read(client.read_resource("x:y").meta("com.example/tenant", tenant)).await, expected);
    }
    // The same, said in another way.
    for (meta, expected) in [
        (json!({"traceparent": "00-1-2-01"}), "1"),
        (json!({"com.example/tenant": "a"}), "5"),
        (json!(null), "1"),
    ] {
        let params = RawJson::of(&json!({"uri": "x:y", "_meta": meta})).unwrap();
        let result = client.call(Call::new(Method::ReadResource, params)).await.unwrap();
        assert_eq!(result.to::<Value>().unwrap()["contents"][0]["text"], expected, "{meta}");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn layers_see_what_is_answered_from_memory_and_may_make_it_another_request() {
    let tenant = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(AtomicUsize::new(0));
    let (which, count) = (tenant.clone(), seen.clone());
    let layer = from_fn(move |mut request: LayerRequest, next: Next| {
        count.fetch_add(1, Ordering::SeqCst);
        let tenant = which.load(Ordering::SeqCst);
        async move {
            if tenant > 0 {
                request.set_meta("com.example/tenant", tenant)?;
            }
            next.run(request).await
        }
    });
    let (client, peer) = connect(STATELESS, |it| it.layer(layer)).await;
    let requests = serve(peer, json!(60_000));
    let before = seen.load(Ordering::SeqCst);
    for (now, expected) in [(0, "1"), (0, "1"), (1, "2"), (2, "3"), (1, "4"), (0, "1")] {
        tenant.store(now, Ordering::SeqCst);
        let read = client.read_resource("x:y").await.unwrap();
        assert_eq!(read.contents[0].text.as_deref(), Some(expected));
    }
    assert_eq!(requests.load(Ordering::SeqCst), 4);
    assert_eq!(seen.load(Ordering::SeqCst) - before, 6);
}
