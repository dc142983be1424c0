use std::time::Duration;

use futures_util::future::join_all;
use oxmcp::{Client, ErrorKind, Limits, ProtocolVersion};
use serde_json::json;
use tokio::runtime::Handle;

use crate::peer::{Peer, Reply, SESSION, Seen, handshake, response, result, settled, stream};

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

async fn connect(peer: &mut Peer) -> Client {
    let client =
        settled(Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25)).await.unwrap();
    peer.sees(&["POST initialize", "POST notifications/initialized"]).await;
    client
}

/// A server that never answers a call, and does with everything else what `other` says.
fn never_answering(mut other: impl FnMut(&Seen) -> Reply + Send + 'static) -> Peer {
    Peer::new(move |seen| match seen.what().as_str() {
        "POST tools/call" => Reply::Stuck(String::new()),
        "POST notifications/cancelled" | "DELETE" => other(seen),
        _ => handshake(seen).unwrap(),
    })
}

#[tokio::test]
async fn a_cancellation_is_sent_before_the_session_ends() {
    let mut peer = never_answering(|_| response("202 Accepted", &[], ""));
    let client = connect(&mut peer).await;
    for round in 0..3 {
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.call_tool("waits", json!({})).await }
        });
        let id = peer.next().await.body["id"].clone();
        if round < 2 {
            call.abort();
            let cancelled = peer.next().await;
            assert_eq!(cancelled.what(), "POST notifications/cancelled");
            assert_eq!(cancelled.body["params"]["requestId"], id);
            assert!(cancelled.is_in_session());
            continue;
        }
        // What is still in flight when the client closes is cancelled too: some servers do not let clients end sessions.
        settled(client.close()).await.unwrap();
        assert_eq!(settled(call).await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
        let cancelled = peer.next().await;
        assert_eq!(cancelled.body["params"]["requestId"], id);
        assert!(peer.next().await.is_in_session());
        assert!(peer.rest().is_empty());
    }
}

#[tokio::test]
async fn a_call_that_was_not_sent_is_not_cancelled() {
    let mut peer = never_answering(|_| response("202 Accepted", &[], ""));
    let limits = Limits::with(|it| it.http_connections = 1);
    let connecting = Client::connect(peer.url.as_str()).only(ProtocolVersion::V2025_11_25).limits(limits);
    let client = settled(connecting).await.unwrap();
    peer.sees(&["POST initialize", "POST notifications/initialized"]).await;
    let mut first = Box::pin(client.call(call_params()));
    let mut second = Box::pin(client.call(call_params()));
    let sent = async {
        let sent = peer.next().await;
        // The second waits for its turn behind the first.
        tokio::task::yield_now().await;
        sent
    };
    let sent = tokio::select! {
        sent = sent => sent,
        _ = &mut first => unreachable!("it is never answered"),
        _ = &mut second => unreachable!("it is never answered"),
    };
    drop(second);
    drop(first);
    let cancelled = peer.next().await;
    assert_eq!(cancelled.body["params"]["requestId"], sent.body["id"]);
    settled(client.close()).await.unwrap();
    peer.sees(&["DELETE"]).await;
    assert!(peer.rest().is_empty());
}

fn call_params() -> oxmcp::client::Call {
    let params = oxmcp::RawJson::of(&json!({"name": "waits", "arguments": {}})).unwrap();
    oxmcp::client::Call::new(oxmcp::Method::CallTool, params)
}

#[tokio::test]
async fn nothing_of_a_client_lives_after_it_was_closed() {
    for version in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28] {
        let mut peer = Peer::new(|seen| match seen.what().as_str() {
            // An end that does not come, and a cancellation that is not taken.
            "POST ping" | "POST tools/list" => {
                let answer = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {"tools": []}});
                Reply::Stuck(stream(&[answer]))
            }
            "POST tools/call" | "POST notifications/cancelled" => Reply::Stuck(String::new()),
            "POST server/discover" if seen.head.contains("2026-07-28") => {
                result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}))
            }
            _ => handshake(seen).unwrap(),
        });
        let before = tasks();
        let client = settled(Client::connect(peer.url.as_str()).only(version)).await.unwrap();
        settled(client.list_tools()).await.unwrap();
        let mut calls = join_all((0..3).map(|_| client.call(call_params())));
        tokio::select! {
            () = peer.sees_calls(3) => {}
            _ = &mut calls => unreachable!("they are never answered"),
        }
        drop(calls);
        settled(client.close()).await.unwrap();
        assert_eq!(tasks(), before, "{version}");
    }
}

#[tokio::test]
async fn a_server_that_takes_nothing_does_not_pile_up_tasks() {
    let mut peer = never_answering(|_| Reply::Stuck(String::new()));
    let client = connect(&mut peer).await;
    let before = tasks();
    for _ in 0..100 {
        let mut call = Box::pin(client.call(call_params()));
        tokio::select! {
            () = peer.sees_calls(1) => {}
            _ = &mut call => unreachable!("it is never answered"),
        }
    }
    // One task for the cancellations, its connection, and what the connections share.
    let ended = async {
        while tasks() > before + 4 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    settled(ended).await;
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn the_session_of_a_failed_connect_is_ended() {
    // The server agrees to a revision that nobody knows, or does not let the session begin.
    for (bad, kind) in
        [("initialize", ErrorKind::UnsupportedVersion), ("notifications/initialized", ErrorKind::Overloaded)]
    {
        let mut peer = Peer::new(move |seen| match seen.what().as_str() {
            "POST initialize" if bad == "initialize" => {
                let result = json!({"protocolVersion": "2099-01-01", "capabilities": {}, "serverInfo": {"name": "p", "version": "0"}});
                let body = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result}).to_string();
                response(
                    "200 OK",
                    &[("Content-Type", "application/json"), ("Mcp-Session-Id", SESSION)],
                    &body,
                )
            }
            "POST notifications/initialized" => response("500 Internal Server Error", &[], ""),
            _ => handshake(seen).unwrap(),
        });
        let before = tasks();
        let error = settled(Client::connect(peer.url.as_str())).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(tasks(), before);
        let last = peer.rest().pop().unwrap();
        assert_eq!(last.what(), "DELETE", "before the error is told");
        assert!(last.is_in_session());
    }
}

#[tokio::test]
async fn the_session_of_a_dropped_connect_is_ended() {
    let mut peer = Peer::new(|seen| match seen.what().as_str() {
        "POST notifications/initialized" => Reply::Stuck(String::new()),
        _ => handshake(seen).unwrap(),
    });
    let connecting = tokio::spawn(Client::connect(peer.url.as_str()).into_future());
    peer.sees(&["POST server/discover", "POST initialize", "POST notifications/initialized"]).await;
    connecting.abort();
    let last = peer.next().await;
    assert_eq!(last.what(), "DELETE");
    assert!(last.is_in_session());
}
