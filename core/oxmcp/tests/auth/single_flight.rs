use futures_util::future::join_all;
use oxmcp::auth::ClientCredentials;
use oxmcp::store::MemoryTokens;
use oxmcp::{Client, ErrorKind};
use serde_json::json;

use crate::grantor::Grantor;
use crate::resource::Resource;
use crate::user::{absent, agreeing, call, connect};

const CALLS: usize = 40;

/// How often users were asked, and good and used refresh tokens came.
fn counts(grantor: &Grantor) -> (usize, usize, usize) {
    grantor.ledger(|ledger| (ledger.asked.len(), ledger.refreshes, ledger.reuses))
}

async fn call_at_once(clients: &[&Client]) {
    let calls = (0..CALLS).map(|at| call(clients[at % clients.len()], "anything"));
    for called in join_all(calls).await {
        called.unwrap();
    }
}

#[tokio::test]
async fn many_calls_with_an_expired_token_make_one_refresh() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let client = connect(resource.url(), agreeing(&grantor)).await.unwrap();
    for expiries in 1..=5 {
        grantor.expire();
        call_at_once(&[&client]).await;
        assert_eq!(counts(&grantor), (1, expiries, 0));
    }
    for refresh in grantor.asked_by("refresh_token") {
        assert_eq!(refresh.field("resource"), resource.url());
    }
}

#[tokio::test]
async fn clients_that_share_their_tokens_make_one_refresh_too() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    let one = connect(resource.url(), agreeing(&grantor).store(tokens.clone())).await.unwrap();
    let other = connect(resource.url(), absent().store(tokens)).await.unwrap();
    for expiries in 1..=5 {
        grantor.expire();
        call_at_once(&[&one, &other]).await;
        assert_eq!(counts(&grantor), (1, expiries, 0));
    }
}

/// What another client has got meanwhile may have expired too. That is no reason to bother the user.
#[tokio::test]
async fn what_another_client_kept_is_refreshed_if_it_is_not_good_any_more() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    let one = connect(resource.url(), agreeing(&grantor).store(tokens.clone())).await.unwrap();
    let other = connect(resource.url(), absent().store(tokens)).await.unwrap();
    for expiries in 1..=3 {
        grantor.expire();
        call(&one, "anything").await.unwrap();
        assert_eq!(counts(&grantor), (1, 2 * expiries - 1, 0));
        grantor.expire();
        call(&other, "anything").await.unwrap();
        assert_eq!(counts(&grantor), (1, 2 * expiries, 0));
    }
}

#[tokio::test]
async fn tokens_that_say_when_they_expire_are_refreshed_before_they_are_sent() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    grantor.ledger(|ledger| ledger.lifetime = Some(0.into()));
    let client = connect(resource.url(), agreeing(&grantor)).await.unwrap();
    let (_, before, _) = counts(&grantor);
    let refused =
        || resource.listener.seen().iter().filter(|seen| seen.header("authorization").is_empty()).count();
    let unauthorized = refused();
    for calls in 1..=3 {
        call(&client, "anything").await.unwrap();
        assert_eq!(counts(&grantor), (1, before + calls, 0));
    }
    assert_eq!(refused(), unauthorized);
    let sent: Vec<_> =
        resource.listener.seen().into_iter().map(|seen| seen.header("authorization").to_owned()).collect();
    let last = sent.len() - 3;
    assert!(
        sent[last] != sent[last + 1] && sent[last + 1] != sent[last + 2],
        "a token that was no good was sent"
    );
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_refreshes_loses_nothing() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let client = connect(resource.url(), agreeing(&grantor)).await.unwrap();
    for expiries in 1..=3 {
        grantor.expire();
        grantor.pause();
        let caller = client.clone();
        let dropped = tokio::spawn(async move { caller.call_tool("anything", json!({})).await });
        let is_next = |seen: &crate::listener::Seen| {
            seen.field("grant_type") == "refresh_token" && grantor.asked_by("refresh_token").len() == expiries
        };
        grantor.listener.sees(is_next).await;
        dropped.abort();
        assert!(dropped.await.unwrap_err().is_cancelled());
        grantor.resume();
        call(&client, "anything").await.unwrap();
        assert_eq!(counts(&grantor), (1, expiries, 0));
    }
}

/// Whatever else is wrong with the authorization server, the tokens are not.
#[tokio::test]
async fn a_server_that_cannot_refresh_now_does_not_cost_the_user_anything() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let client = connect(resource.url(), agreeing(&grantor)).await.unwrap();
    for (expiries, (status, body, kind)) in [
        (503, "", ErrorKind::Connect),
        (503, r#"{"error":"temporarily_unavailable"}"#, ErrorKind::Connect),
        (500, r#"{"error":"server_error"}"#, ErrorKind::Connect),
        (429, r#"{"error":"slow_down"}"#, ErrorKind::Overloaded),
        (429, "<html>", ErrorKind::Overloaded),
        (408, r#"{"error":"timeout"}"#, ErrorKind::Connect),
        (307, r#"{"error":"moved"}"#, ErrorKind::Protocol),
    ]
    .into_iter()
    .enumerate()
    {
        grantor.expire();
        grantor.ledger(|ledger| ledger.tokens_fail = Some((status, body.to_owned())));
        let error = call(&client, "anything").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        grantor.ledger(|ledger| ledger.tokens_fail = None);
        call(&client, "anything").await.unwrap();
        assert_eq!(counts(&grantor), (1, expiries + 1, 0), "{status} {body}");
    }
}

/// Only who is told that a refresh token is no good throws it away: whatever else is said, by whomever, may be over soon.
#[tokio::test]
async fn a_refresh_that_is_refused_for_another_reason_costs_the_user_nothing() {
    for (status, body) in [
        (403, r#"{"error":"access_denied"}"#),
        (403, r#"{"error":"invalid_grant"}"#),
        (404, r#"{"error":"not_found"}"#),
        (400, r#"{"error":"temporarily_unavailable"}"#),
        (200, r#"{"error":"server_error"}"#),
        (401, r#"{"error":"invalid_client"}"#),
        (400, r#"{"error":"invalid_dpop_proof"}"#),
        (400, r#"{"error":"use_dpop_nonce"}"#),
    ] {
        let grantor = Grantor::new();
        let resource = Resource::new(&grantor);
        grantor.ledger(|ledger| ledger.clients.push("reports".to_owned()));
        let known = ClientCredentials::secret("reports", "s3cret").issuer(grantor.issuer());
        let tokens = MemoryTokens::default();
        let plan = agreeing(&grantor).registered(known).store(tokens.clone());
        let client = connect(resource.url(), plan).await.unwrap();
        grantor.expire();
        grantor.ledger(|ledger| ledger.tokens_fail = Some((status, body.to_owned())));
        call(&client, "anything").await.unwrap_err();
        grantor.ledger(|ledger| ledger.tokens_fail = None);
        call(&client, "anything").await.unwrap();
        assert_eq!(counts(&grantor), (1, 1, 0), "{status} {body}");
    }
}

/// The user is asked where that may help, and what is kept stays until something better is there.
#[tokio::test]
async fn a_refresh_that_the_server_does_not_grant_leads_to_the_user_and_is_tried_again_if_they_are_away() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    connect(resource.url(), agreeing(&grantor).store(tokens.clone())).await.unwrap();
    let client = connect(resource.url(), absent().store(tokens)).await.unwrap();
    for (refreshes, code) in [(1, "unauthorized_client"), (2, "invalid_scope"), (3, "interaction_required")] {
        grantor.expire();
        let body = format!(r#"{{"error":"{code}"}}"#);
        grantor.ledger(|ledger| ledger.tokens_fail = Some((400, body)));
        let error = call(&client, "anything").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert!(error.to_string().contains("the user was asked"), "{error}");
        grantor.ledger(|ledger| ledger.tokens_fail = None);
        call(&client, "anything").await.unwrap();
        assert_eq!(counts(&grantor), (1, refreshes, 0), "{code}");
    }
}

/// Some servers write numbers as text, and lists as arrays. The tokens beside them are not lost for it.
#[tokio::test]
async fn tokens_are_taken_whatever_is_said_of_their_life() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let client = connect(resource.url(), agreeing(&grantor)).await.unwrap();
    let lives = [json!("3600"), json!("soon"), json!(null), json!({"seconds": 5}), json!(1e300)];
    for (refreshes, life) in lives.into_iter().enumerate() {
        grantor.expire();
        grantor.ledger(|ledger| ledger.lifetime = Some(life.clone()));
        call(&client, "anything").await.unwrap();
        assert_eq!(counts(&grantor), (1, refreshes + 1, 0), "{life}");
    }
}
