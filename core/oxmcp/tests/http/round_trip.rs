use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oxmcp::{Client, ErrorKind, ProtocolVersion};
use serde_json::json;

use crate::fixture::Fixture;

#[tokio::test]
async fn a_client_and_a_server_meet_in_every_revision() {
    let Fixture { server, .. } = &Fixture::new().await;
    for version in ProtocolVersion::ALL {
        let client = Client::connect(server.url()).only(version).await.unwrap();
        assert_eq!(client.protocol_version(), version);
        let result = client.call_tool("echo", json!({"text": "hello"})).await.unwrap();
        assert_eq!(result.joined_text(), "hello");
        assert_eq!(client.call_tool("grüße", json!({})).await.unwrap().joined_text(), "hallo");
        let blob = client.call_tool("blob", json!({"size": 2 << 20})).await.unwrap();
        assert_eq!(blob.joined_text().len(), 2 << 20);
        assert_eq!(client.list_tools().await.unwrap().len(), 10);
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn progress_and_cancellation_reach_the_other_side_in_both_eras() {
    for (at, version) in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28].into_iter().enumerate()
    {
        let Fixture { server, seen, .. } = &Fixture::new().await;
        let client = Client::connect(server.url()).only(version).await.unwrap();
        let reports = Arc::new(AtomicUsize::new(0));
        let counter = reports.clone();
        let call = client.call_tool("steps", json!({})).on_progress(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(call.await.unwrap().joined_text(), "done");
        assert_eq!(reports.load(Ordering::SeqCst), 3);
        let waits =
            tokio::time::timeout(std::time::Duration::from_millis(100), client.call_tool("waits", json!({})));
        assert!(waits.await.is_err(), "round {at}");
        seen.dropped(1).await;
        let error = client.call_tool("nobody", json!({})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rpc);
    }
}

#[tokio::test]
async fn calls_at_once_do_not_mix_up_their_answers() {
    let Fixture { server, .. } = &Fixture::new().await;
    let client = Client::connect(server.url()).await.unwrap();
    let calls = (0..300).map(|at| {
        let client = client.clone();
        async move { client.call_tool("echo", json!({"text": at.to_string()})).await.unwrap().joined_text() }
    });
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().enumerate().all(|(at, answer)| *answer == at.to_string()));
}
