//! Tokens that could not be kept: the client that has them goes on with them, and they never take the place of newer ones.

use futures_util::FutureExt;

use crate::grantor::Grantor;
use crate::resource::Resource;
use crate::scripted_tokens::ScriptedTokens;
use crate::user::{absent, agreeing, call, connect};

fn counts(grantor: &Grantor) -> (usize, usize, usize) {
    grantor.ledger(|ledger| (ledger.asked.len(), ledger.refreshes, ledger.reuses))
}

#[tokio::test]
async fn a_client_goes_on_with_tokens_that_cannot_be_kept_and_keeps_them_later() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = ScriptedTokens::default();
    let client = connect(resource.url(), agreeing(&grantor).store(tokens.clone())).await.unwrap();
    tokens.break_with(|| std::future::ready(()).boxed());
    for refreshes in 1..=2 {
        grantor.expire();
        call(&client, "anything").await.unwrap();
        assert_eq!(counts(&grantor), (1, refreshes, 0));
    }
    tokens.mend();
    grantor.expire();
    call(&client, "anything").await.unwrap();
    let other = connect(resource.url(), absent().store(tokens)).await.unwrap();
    call(&other, "anything").await.unwrap();
    assert_eq!(counts(&grantor), (1, 3, 0));
}

#[tokio::test]
async fn what_could_not_be_kept_does_not_take_the_place_of_what_is_newer() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = ScriptedTokens::default();
    let client = connect(resource.url(), agreeing(&grantor).store(tokens.clone())).await.unwrap();
    tokens.break_with(|| std::future::ready(()).boxed());
    grantor.expire();
    call(&client, "anything").await.unwrap();
    tokens.mend();

    // What the store holds is used up, so that the next who goes by it has to ask the user, and keeps what comes of that.
    let next = connect(resource.url(), agreeing(&grantor).store(tokens.kept.clone())).await.unwrap();
    grantor.expire();
    call(&next, "anything").await.unwrap();
    let before = counts(&grantor);

    call(&client, "anything").await.unwrap();
    connect(resource.url(), absent().store(tokens)).await.unwrap();
    assert_eq!(counts(&grantor), before, "what the other has kept was not used");
}
