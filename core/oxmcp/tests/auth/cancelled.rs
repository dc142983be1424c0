//! Calls that are given up while they wait for tokens, or want different ones at once.

use futures_util::future::join_all;
use oxmcp::store::MemoryTokens;

use crate::grantor::Grantor;
use crate::resource::Resource;
use crate::user::{absent, agreeing, call, connect};

#[tokio::test]
async fn what_a_user_has_agreed_to_is_kept_whoever_waited_for_it() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    grantor.pause();
    let (url, authorization) = (resource.url().to_owned(), agreeing(&grantor).store(tokens.clone()));
    let given_up = tokio::spawn(async move { connect(&url, authorization).await.map(drop) });
    grantor.listener.sees(|seen| seen.field("grant_type") == "authorization_code").await;
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    grantor.resume();
    connect(resource.url(), absent().store(tokens)).await.unwrap();
    assert_eq!(grantor.ledger(|ledger| ledger.asked.len()), 1);
}

/// Each gets what it needs, and what the others have got is none of its tries.
#[tokio::test]
async fn calls_that_need_different_scopes_at_once_all_get_them() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let client = connect(resource.url(), agreeing(&grantor).scopes(["base"])).await.unwrap();
    let tools = ["needs a", "needs b", "needs c", "needs d", "needs e"];
    for called in join_all(tools.iter().map(|tool| call(&client, tool))).await {
        called.unwrap();
    }
    let asked = grantor.ledger(|ledger| ledger.asked.last().unwrap().0.clone());
    let mut asked: Vec<_> = asked.split(' ').collect();
    asked.sort_unstable();
    assert_eq!(asked, ["a", "b", "base", "c", "d", "e"]);
}
