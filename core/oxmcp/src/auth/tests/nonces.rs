//! Requests that are under way together when a server wants a nonce in their proofs.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

use super::grantor::Grantor;
use super::resource::Resource;
use crate::auth::{Authorization, Authorizer, Callback, Effort};

#[tokio::test]
async fn a_nonce_that_another_request_has_brought_too_is_no_reason_for_other_tokens() {
    let grantor = Grantor::new();
    grantor.ledger(|ledger| ledger.token_type = "DPoP");
    let resource = Resource::new(&grantor);
    let granting = grantor.clone();
    let user = Callback::new("com.example.app:/authorized", move |url| {
        let answer = granting.approve(&url);
        async move { Ok(answer) }
    });
    let plan = Authorization::code("Reports").user_agent(user).dpop(true);
    let authorizer = Authorizer::new(plan, resource.url()).unwrap();
    let url = Url::parse(resource.url()).unwrap();
    let refusal = |challenge: &'static str, nonce: &'static str| {
        HeaderMap::from_iter([
            (WWW_AUTHENTICATE, HeaderValue::from_static(challenge)),
            ("dpop-nonce".parse().unwrap(), HeaderValue::from_static(nonce)),
        ])
    };
    let unauthorized = StatusCode::UNAUTHORIZED;
    let mut first = authorizer.attempt(Effort::Full);
    first.sign(&Method::POST, &url, &mut HeaderMap::new()).await.unwrap();
    assert!(first.answered(&url, unauthorized, &refusal("DPoP", "zero")).await.unwrap());
    let asked = || grantor.listener.seen().len();
    let before = asked();

    let wants = |nonce| refusal("DPoP error=\"use_dpop_nonce\"", nonce);
    let mut attempts: Vec<_> = (0..3).map(|_| authorizer.attempt(Effort::Full)).collect();
    for (round, nonce) in ["one", "two"].into_iter().enumerate() {
        for attempt in &mut attempts {
            attempt.sign(&Method::POST, &url, &mut HeaderMap::new()).await.unwrap();
        }
        for attempt in &mut attempts {
            assert!(attempt.answered(&url, unauthorized, &wants(nonce)).await.unwrap(), "round {round}");
        }
    }
    assert_eq!(asked(), before, "nothing was asked of the authorization server");
    // A server that gives the nonce again that a proof held wants something else.
    let mut attempt = authorizer.attempt(Effort::Full);
    attempt.sign(&Method::POST, &url, &mut HeaderMap::new()).await.unwrap();
    assert!(attempt.answered(&url, unauthorized, &wants("two")).await.unwrap());
    assert_eq!(grantor.asked_by("refresh_token").len(), 1);
}
