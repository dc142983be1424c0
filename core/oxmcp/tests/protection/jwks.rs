//! The keys of an issuer: when they are asked for, what happens when they change, and when they cannot be had.

use jsonwebtoken::Algorithm;
use oxmcp::auth::JwtVerifier;
use serde_json::json;

use crate::issuer::Issuer;
use crate::keys::{Key, but, claims};
use crate::requests::{RESOURCE, ask, assert_is, assert_refused, assert_unavailable, verified_by};
use crate::stopped_clock::StoppedClock;

const NO_KEY: &str = "no key of the issuer has signed it";

#[tokio::test]
async fn a_new_key_is_found_and_a_flood_of_unknown_ones_asks_once_in_a_while() {
    let clock = StoppedClock::new();
    let issuer = Issuer::new(&[Key::es256("old")]).await;
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    let claims = claims(&issuer.url, RESOURCE);
    let token = |key: &Key| format!("Bearer {}", key.sign(&claims));
    assert_is(&ask(&service, &token(&Key::es256("old"))).await, "ann");
    let new = Key::other("new");
    issuer.page(|page| page.keys.push(new.jwk()));
    for flood in 0..50 {
        let kid = format!("unknown-{flood}").leak();
        assert_refused(&ask(&service, &token(&Key::es256(kid))).await, NO_KEY);
    }
    assert_eq!(issuer.asked("/keys"), 1);
    clock.advance(31).await;
    assert_is(&ask(&service, &token(&new)).await, "ann");
    assert_is(&ask(&service, &token(&Key::es256("old"))).await, "ann");
    assert_eq!(issuer.asked("/keys"), 2);
    for _ in 0..3 {
        clock.advance(31).await;
        for _ in 0..10 {
            assert_refused(&ask(&service, &token(&Key::es256("unknown"))).await, NO_KEY);
        }
    }
    assert_eq!(issuer.asked("/keys"), 5);
    assert_eq!(issuer.asked("/.well-known/oauth-authorization-server"), 1);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_is_out_of_use_after_a_quarter_of_an_hour() {
    let clock = StoppedClock::new();
    let key = Key::es256("main");
    let issuer = Issuer::new(std::slice::from_ref(&key)).await;
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    let token = format!("Bearer {}", key.sign(&claims(&issuer.url, RESOURCE)));
    assert_is(&ask(&service, &token).await, "ann");
    issuer.page(|page| page.keys.clear());
    clock.advance(14 * 60).await;
    assert_is(&ask(&service, &token).await, "ann");
    clock.advance(60).await;
    assert_refused(&ask(&service, &token).await, NO_KEY);
}

#[tokio::test]
async fn as_long_as_keys_cannot_be_had_tokens_are_neither_good_nor_bad() {
    let clock = StoppedClock::new();
    let key = Key::es256("main");
    let issuer = Issuer::new(std::slice::from_ref(&key)).await;
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    let token = format!("Bearer {}", key.sign(&claims(&issuer.url, RESOURCE)));
    issuer.page(|page| page.failure = Some(500));
    for _ in 0..3 {
        assert_unavailable(&ask(&service, &token).await, &["database", "500", &issuer.url]);
    }
    assert_eq!(issuer.asked("/keys"), 1, "who cannot answer is not asked by everybody");
    issuer.page(|page| page.failure = None);
    clock.advance(31).await;
    assert_is(&ask(&service, &token).await, "ann");
    // Known keys outlive an issuer that is away for a while, and it is asked again before long.
    issuer.page(|page| page.failure = Some(503));
    clock.advance(16 * 60).await;
    assert_is(&ask(&service, &token).await, "ann");
    assert_eq!(issuer.asked("/keys"), 3);
    let unknown = format!("Bearer {}", Key::other("new").sign(&claims(&issuer.url, RESOURCE)));
    assert_unavailable(&ask(&service, &unknown).await, &["database"]);
    issuer.page(|page| page.keys = vec![Key::other("new").jwk()]);
    issuer.page(|page| page.failure = None);
    clock.advance(31).await;
    assert_is(&ask(&service, &unknown).await, "ann");
    assert_refused(&ask(&service, &token).await, NO_KEY);
    // But not for ever: by then they may have been withdrawn.
    issuer.page(|page| page.failure = Some(503));
    clock.advance(75 * 60).await;
    assert_unavailable(&ask(&service, &unknown).await, &["database"]);
}

#[tokio::test]
async fn nobody_can_be_reached_where_nobody_listens() {
    let nowhere = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let service = verified_by(&nowhere, JwtVerifier::new(&nowhere).unwrap());
    let token = format!("Bearer {}", Key::es256("main").sign(&claims(&nowhere, RESOURCE)));
    for _ in 0..2 {
        assert_unavailable(&ask(&service, &token).await, &["127.0.0.1"]);
    }
}

#[tokio::test]
async fn whoever_goes_away_meanwhile_takes_no_keys_with_him() {
    let _clock = StoppedClock::new();
    let key = Key::es256("main");
    let issuer = Issuer::new(std::slice::from_ref(&key)).await;
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    let token = format!("Bearer {}", key.sign(&claims(&issuer.url, RESOURCE)));
    issuer.page(|page| page.is_held = true);
    tokio::select! {
        biased;
        answered = ask(&service, &token) => panic!("there are no keys yet: {answered:?}"),
        () = issuer.is_asked("/keys", 1) => {}
    }
    issuer.release();
    assert_is(&ask(&service, &token).await, "ann");
    assert_eq!(issuer.asked("/keys"), 1);
}

#[tokio::test]
async fn who_is_known_does_not_wait_for_who_is_not() {
    let clock = StoppedClock::new();
    let key = Key::es256("main");
    let issuer = Issuer::new(std::slice::from_ref(&key)).await;
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    let claims = claims(&issuer.url, RESOURCE);
    let token = format!("Bearer {}", key.sign(&claims));
    assert_is(&ask(&service, &token).await, "ann");
    clock.advance(31).await;
    issuer.page(|page| page.is_held = true);
    let unknown = format!("Bearer {}", Key::es256("unknown").sign(&claims));
    let unknown = ask(&service, &unknown);
    let known = async {
        issuer.is_asked("/keys", 2).await;
        assert_is(&ask(&service, &token).await, "ann");
        issuer.release();
    };
    let (unknown, ()) = tokio::join!(unknown, known);
    assert_refused(&unknown, NO_KEY);
}

/// An issuer that swallows what it is asked holds nobody up whose key is known, however old the keys get.
#[tokio::test]
async fn who_is_known_does_not_wait_for_a_slow_issuer() {
    let clock = StoppedClock::new();
    let key = Key::es256("main");
    let issuer = Issuer::new(std::slice::from_ref(&key)).await;
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    let token = format!("Bearer {}", key.sign(&claims(&issuer.url, RESOURCE)));
    assert_is(&ask(&service, &token).await, "ann");
    issuer.page(|page| page.is_held = true);
    clock.advance(11 * 60).await;
    assert_is(&ask(&service, &token).await, "ann");
    issuer.is_asked("/keys", 2).await;
    // They are not fresh any more, and every half minute somebody asks in vain.
    clock.advance(5 * 60).await;
    while issuer.asked("/keys") < 10 {
        assert_is(&ask(&service, &token).await, "ann");
        clock.advance(10).await;
    }
    // What it says in the end holds.
    issuer.page(|page| page.keys.clear());
    issuer.release();
    while ask(&service, &token).await.status == 200 {
        clock.advance(1).await;
    }
    assert_refused(&ask(&service, &token).await, NO_KEY);
}

#[tokio::test]
async fn a_key_that_nobody_uses_for_long_is_asked_for_before_it_is_used() {
    let clock = StoppedClock::new();
    let key = Key::es256("main");
    let issuer = Issuer::new(std::slice::from_ref(&key)).await;
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    let token = format!("Bearer {}", key.sign(&claims(&issuer.url, RESOURCE)));
    assert_is(&ask(&service, &token).await, "ann");
    // It failed once, long ago, and could have said since that the key is withdrawn.
    issuer.page(|page| page.failure = Some(500));
    clock.advance(11 * 60).await;
    assert_is(&ask(&service, &token).await, "ann");
    let unknown = format!("Bearer {}", Key::es256("unknown").sign(&claims(&issuer.url, RESOURCE)));
    assert_unavailable(&ask(&service, &unknown).await, &["database"]);
    assert_eq!(issuer.asked("/keys"), 2);
    issuer.page(|page| page.failure = None);
    issuer.page(|page| page.keys.clear());
    clock.advance(29 * 60).await;
    assert_refused(&ask(&service, &token).await, NO_KEY);
}

/// What a key is for stands beside it (RFC 7517, section 4).
#[tokio::test]
async fn a_key_checks_what_it_is_for_and_nothing_else() {
    let (rs256, ps256) = (Key::rsa("main", Algorithm::RS256), Key::rsa("main", Algorithm::PS256));
    let issuer = Issuer::new(std::slice::from_ref(&rs256)).await;
    let token = |key: &Key| format!("Bearer {}", key.sign(&claims(&issuer.url, RESOURCE)));
    for (changes, takes_rs256, takes_ps256) in [
        (json!({}), true, false),
        (json!({"alg": null}), true, true),
        (json!({"alg": "PS256"}), false, true),
        (json!({"alg": "RSA-OAEP"}), false, false),
        (json!({"alg": "new"}), false, false),
        (json!({"use": "enc"}), false, false),
        (json!({"key_ops": ["verify"]}), true, false),
        (json!({"key_ops": ["encrypt", "wrapKey"]}), false, false),
    ] {
        issuer.page(|page| page.keys = vec![but(&rs256.jwk(), &changes)]);
        let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
        for (key, is_taken) in [(&rs256, takes_rs256), (&ps256, takes_ps256)] {
            let answered = ask(&service, &token(key)).await;
            assert_eq!(answered.status == 200, is_taken, "{changes}: {answered:?}");
        }
    }
    let eddsa = Key::eddsa("eddsa");
    issuer.page(|page| page.keys = vec![but(&eddsa.jwk(), &json!({"alg": "Ed25519"}))]);
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    assert_is(&ask(&service, &token(&eddsa)).await, "ann");
}

#[tokio::test]
async fn keys_that_are_no_set_of_keys_are_none() {
    let key = Key::es256("main");
    let issuer = Issuer::new(std::slice::from_ref(&key)).await;
    let token = format!("Bearer {}", key.sign(&claims(&issuer.url, RESOURCE)));
    // Keys that encrypt do not sign.
    let mut encrypts = key.jwk();
    encrypts["use"] = json!("enc");
    issuer.page(|page| page.keys = vec![encrypts]);
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    assert_refused(&ask(&service, &token).await, NO_KEY);
    issuer.page(|page| page.metadata["jwks_uri"] = json!(format!("{}/introspect", issuer.url)));
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    assert_unavailable(&ask(&service, &token).await, &["introspect"]);
    issuer.page(|page| page.metadata["jwks_uri"] = json!("http://169.254.169.254/keys"));
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    assert_unavailable(&ask(&service, &token).await, &["169.254"]);
}
