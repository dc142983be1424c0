//! Servers of HTTP+SSE that want authorization: the user has their time, and is asked once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oxmcp::auth::{Authorization, Callback};
use oxmcp::{Client, ErrorKind, ProtocolVersion};
use serde_json::json;

use crate::asking::{Lack, Way, asking, connected, forget};
use crate::grantor::Grantor;
use crate::user::{REDIRECT_URI, settled};

async fn connects(way: Way) {
    let grantor = Grantor::new();
    let resource = asking(&grantor, way, Lack::Tokens);
    // The second time, the client knows how to speak to the server.
    for round in 1..=2 {
        let client = connected(&grantor, &resource, Lack::Tokens).await;
        assert_eq!(grantor.ledger(|ledger| ledger.asked.len()), round, "{way:?}");
        settled(client.close()).await.unwrap();
    }
}

#[tokio::test]
async fn the_stream_waits_for_a_user_who_takes_their_time() {
    connects(Way::Sse).await;
}

#[tokio::test]
async fn the_first_message_waits_for_a_user_who_takes_their_time() {
    connects(Way::OpenSse).await;
}

#[tokio::test]
async fn a_call_waits_for_a_user_who_takes_their_time() {
    let grantor = Grantor::new();
    let resource = asking(&grantor, Way::Sse, Lack::Tokens);
    let client = connected(&grantor, &resource, Lack::Tokens).await;
    forget(&grantor);
    let called = settled(client.call_tool("ping", json!({}))).await.unwrap();
    assert_eq!(called.joined_text(), "nothing");
    assert_eq!(grantor.ledger(|ledger| ledger.asked.len()), 2);
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn a_user_who_declines_is_asked_once() {
    let grantor = Grantor::new();
    let resource = asking(&grantor, Way::Sse, Lack::Tokens);
    let asked = Arc::new(AtomicUsize::new(0));
    for knows_server in [false, true] {
        let asking = asked.clone();
        let declining = Callback::new(REDIRECT_URI, move |_| {
            asking.fetch_add(1, Ordering::SeqCst);
            async { Err("the user declines".into()) }
        });
        let connect = Client::connect(resource.url())
            .only(ProtocolVersion::V2025_11_25)
            .authorization(Authorization::code("Report Builder").user_agent(declining));
        let error = settled(connect).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert!(error.to_string().contains("the user declines"), "{error}");
        assert_eq!(asked.swap(0, Ordering::SeqCst), 1, "{knows_server}");
        // Whoever agrees has the client know it.
        settled(connected(&grantor, &resource, Lack::Tokens).await.close()).await.unwrap();
    }
}
