//! Tokens that are bound to a key of the client, and servers that say so and do otherwise.

use oxmcp::ErrorKind;
use oxmcp::store::MemoryTokens;

use crate::grantor::Grantor;
use crate::resource::Resource;
use crate::user::{agreeing, call, connect};

/// The schemes by which requests to the resource were authorized.
fn schemes(resource: &Resource) -> Vec<String> {
    let sent = resource.listener.seen().into_iter().map(|seen| seen.header("authorization").to_owned());
    sent.filter_map(|sent| Some(sent.split_once(' ')?.0.to_owned())).collect()
}

#[tokio::test]
async fn who_asks_for_bound_tokens_sends_no_others() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let error = connect(resource.url(), agreeing(&grantor).dpop(true)).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("bound to no key"), "{error}");
    // The same if it is the resource that asks for them,
    resource.rules(|rules| rules.metadata["dpop_bound_access_tokens_required"] = true.into());
    let error = connect(resource.url(), agreeing(&grantor)).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(schemes(&resource).is_empty());
    // unless the user says otherwise.
    connect(resource.url(), agreeing(&grantor).dpop(false)).await.unwrap();
    assert_eq!(schemes(&resource), ["Bearer"]);
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_that_was_not_shown_is_of_no_use() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    grantor.ledger(|ledger| ledger.token_type = "DPoP");
    let error = connect(resource.url(), agreeing(&grantor).dpop(false)).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(schemes(&resource).is_empty());
}

#[tokio::test]
async fn tokens_that_were_bound_are_not_refreshed_to_others() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    grantor.ledger(|ledger| ledger.token_type = "DPoP");
    let client = connect(resource.url(), agreeing(&grantor).dpop(true)).await.unwrap();
    grantor.expire();
    call(&client, "anything").await.unwrap();
    grantor.expire();
    grantor.ledger(|ledger| ledger.token_type = "Bearer");
    let error = call(&client, "anything").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(schemes(&resource).iter().all(|scheme| scheme == "DPoP"));
}

#[tokio::test]
async fn kept_tokens_that_are_not_bound_are_not_sent_by_who_wants_bound_ones() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    connect(resource.url(), agreeing(&grantor).store(tokens.clone())).await.unwrap();
    grantor.ledger(|ledger| ledger.token_type = "DPoP");
    let client = connect(resource.url(), agreeing(&grantor).store(tokens).dpop(true)).await.unwrap();
    call(&client, "anything").await.unwrap();
    assert_eq!(schemes(&resource), ["Bearer", "DPoP", "DPoP"]);
}
