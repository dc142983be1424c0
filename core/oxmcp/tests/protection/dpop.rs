//! Tokens that are bound to a key: whoever shows one has to prove that the key is theirs, for each request anew (RFC 9449).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, StatusCode};
use jsonwebtoken::jwk::ThumbprintHash;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oxmcp::ErrorKind;
use oxmcp::auth::{AuthInfo, NotVerified, Protection, Secret, VerifierFn};
use oxmcp::transport::HttpService;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::keys::{Key, but, now};
use crate::requests::{RESOURCE, answered, ask, ask_with, assert_is, assert_refused, protected, text};

const BOUND: &str = "DPoP bound-token";

/// Knows `bound-token`, which is bound to the key, and `free-token`, which is not.
fn protection() -> Protection {
    let verifier = VerifierFn::new(|token: Secret, _resource: String| async move {
        let thumbprint = Key::es256("").public().thumbprint(ThumbprintHash::SHA256).unwrap();
        let claims = match token.expose() {
            "bound-token" => json!({"sub": "ann", "cnf": {"jkt": thumbprint}}),
            "free-token" => json!({"sub": "bob"}),
            _ => return Err(NotVerified::Invalid("nobody knows it".to_owned())),
        };
        Ok(AuthInfo::from_claims(claims.as_object().unwrap().clone()))
    });
    Protection::new(RESOURCE, "https://auth.example.com", verifier).unwrap()
}

fn service() -> HttpService {
    protected(protection())
}

/// What a good proof says.
fn claims() -> Value {
    json!({
        "jti": Uuid::new_v4().to_string(), "htm": "POST", "htu": RESOURCE, "iat": now(),
        "ath": URL_SAFE_NO_PAD.encode(digest(&SHA256, b"bound-token")),
    })
}

#[tokio::test]
async fn whoever_has_the_key_is_let_in_once_with_each_proof() {
    let (service, key) = (service(), Key::es256(""));
    let proof = key.proof(&claims());
    assert_is(&ask_with(&service, BOUND, &[&proof]).await, "ann");
    assert_refused(&ask_with(&service, BOUND, &[&proof]).await, "the proof was used before");
    // The same id in another proof of the same key is a replay too.
    let first = claims();
    assert_is(&ask_with(&service, BOUND, &[&key.proof(&first)]).await, "ann");
    let again = key.proof(&but(&first, &json!({"iat": now() - 1})));
    assert_refused(&ask_with(&service, BOUND, &[&again]).await, "the proof was used before");
    for changes in [
        json!({"iat": now() - 30}),
        json!({"iat": now() as f64 + 0.5}),
        json!({"htu": "http://localhost:80/mcp/"}),
        // A query and a fragment are not looked at (RFC 9449, section 4.3).
        json!({"htu": "http://localhost/mcp?a=b#c"}),
    ] {
        assert_is(&ask_with(&service, BOUND, &[&key.proof(&but(&claims(), &changes))]).await, "ann");
    }
}

#[tokio::test]
async fn without_a_proof_a_bound_token_opens_nothing() {
    let (service, key) = (service(), Key::es256(""));
    let (one, two) = (key.proof(&claims()), key.proof(&claims()));
    let one_header = "the request has to have one DPoP header";
    assert_refused(&ask(&service, BOUND).await, one_header);
    assert_refused(&ask_with(&service, BOUND, &[&one, &two]).await, one_header);
    let stolen = ask(&service, "Bearer bound-token").await;
    assert_refused(&stolen, "the token is bound to a key and needs a proof");
    assert!(stolen.challenge.starts_with("DPoP "), "{stolen:?}");
    assert!(stolen.challenge.contains(r#"error="invalid_dpop_proof""#), "{stolen:?}");
    let stolen = ask_with(&service, "Bearer bound-token", &[&one]).await;
    assert_refused(&stolen, "the token is bound to a key and needs a proof");
    let free = ask_with(&service, "DPoP free-token", &[&one]).await;
    assert_refused(&free, "the token is bound to no key");
    assert_is(&ask(&service, "Bearer free-token").await, "bob");
    // None of these have used the proof up.
    assert_is(&ask_with(&service, BOUND, &[&one]).await, "ann");
    assert_refused(&ask_with(&service, "DPoP unknown", &[&two]).await, "nobody knows it");
}

#[tokio::test]
async fn proofs_that_are_not_right_are_refused() {
    let (service, key) = (service(), Key::es256(""));
    let url = "the proof is for another URL";
    let unreadable = "the proof's signature is wrong, or a claim is missing";
    for (changes, why) in [
        (json!({"htm": "GET"}), "the proof is for another method"),
        (json!({"htm": "post"}), "the proof is for another method"),
        (json!({"htu": "http://localhost/other"}), url),
        (json!({"htu": "http://localhost/mcp/more"}), url),
        (json!({"htu": "https://localhost/mcp"}), url),
        (json!({"htu": "http://localhost:8080/mcp"}), url),
        (json!({"htu": "http://other.example/mcp"}), url),
        (json!({"htu": "/mcp"}), "the proof is for no URL"),
        (
            json!({"ath": URL_SAFE_NO_PAD.encode(digest(&SHA256, b"free-token"))}),
            "the proof is for another token",
        ),
        (json!({"ath": ""}), "the proof is for another token"),
        (json!({"iat": now() - 3600}), "the proof is too old, or of a clock that is ahead"),
        (json!({"iat": now() + 3600}), "the proof is too old, or of a clock that is ahead"),
        (json!({"iat": -1e300}), "the proof is too old, or of a clock that is ahead"),
        (json!({"iat": "now"}), unreadable),
        (json!({"jti": ""}), "the proof's id is empty or too long"),
        (json!({"jti": "j".repeat(129)}), "the proof's id is empty or too long"),
        (json!({"jti": 7}), unreadable),
        (json!({"jti": null}), unreadable),
        (json!({"htm": null}), unreadable),
        (json!({"htu": null}), unreadable),
        (json!({"iat": null}), unreadable),
        (json!({"ath": null}), unreadable),
    ] {
        let proof = key.proof(&but(&claims(), &changes));
        assert_refused(&ask_with(&service, BOUND, &[&proof]).await, why);
    }
}

#[tokio::test]
async fn proofs_of_other_keys_and_kinds_are_refused() {
    let (service, key) = (service(), Key::es256(""));
    let other = Key::other("").proof(&claims());
    assert_refused(&ask_with(&service, BOUND, &[&other]).await, "the token is bound to another key");
    // It shows the right key, but another one has signed it.
    let forged = Key::other("").sign_as(&key.proof_header(), &claims());
    assert_refused(&ask_with(&service, BOUND, &[&forged]).await, "the proof's signature is wrong");
    let keyless = key.sign_as(&Header { jwk: None, ..key.proof_header() }, &claims());
    assert_refused(&ask_with(&service, BOUND, &[&keyless]).await, "the proof does not hold its key");
    for typ in [None, Some("JWT"), Some("at+jwt")] {
        let header = Header { typ: typ.map(str::to_owned), ..key.proof_header() };
        let proof = key.sign_as(&header, &claims());
        assert_refused(&ask_with(&service, BOUND, &[&proof]).await, "the proof is a JWT of another kind");
    }
    let wants = Header { crit: Some(vec!["b64".to_owned()]), ..key.proof_header() };
    let proof = key.sign_as(&wants, &claims());
    assert_refused(&ask_with(&service, BOUND, &[&proof]).await, "the proof is a JWT of another kind");
    let shared = Header { alg: Algorithm::HS256, ..key.proof_header() };
    let shared = jsonwebtoken::encode(&shared, &claims(), &EncodingKey::from_secret(b"shared")).unwrap();
    let algorithm = "the proof is signed with an algorithm that is not known here";
    assert_refused(&ask_with(&service, BOUND, &[&shared]).await, algorithm);
    for garbage in ["", "garbage", "a.b.c", &"x".repeat(9 << 10)] {
        assert_refused(&ask_with(&service, BOUND, &[garbage]).await, "the proof is no JWT");
    }
    assert_is(&ask_with(&service, BOUND, &[&key.proof(&claims())]).await, "ann");
}

#[tokio::test]
async fn a_proof_that_gives_its_private_key_away_proves_nothing() {
    let key = Key::es256("");
    let mut header = serde_json::to_value(key.proof_header()).unwrap();
    header["jwk"]["d"] = json!("c2VjcmV0");
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", part(&header), part(&claims()));
    let proof = format!("{message}.{}", key.signature(&message));
    let answered = ask_with(&service(), BOUND, &[&proof]).await;
    assert_refused(&answered, "the proof holds a private key");
}

#[tokio::test]
async fn a_server_may_take_bound_tokens_alone() {
    let (service, key) = (protected(protection().require_dpop()), Key::es256(""));
    let free = ask(&service, "Bearer free-token").await;
    assert_refused(&free, "this server takes only tokens that are bound to a key");
    assert!(free.challenge.starts_with("DPoP "), "{free:?}");
    assert_is(&ask_with(&service, BOUND, &[&key.proof(&claims())]).await, "ann");
    let request = Request::get("/.well-known/oauth-protected-resource/mcp").header("host", "localhost");
    let document = text(service.call(request.body(String::new()).unwrap()).await).await;
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["dpop_bound_access_tokens_required"], true);
}

/// What a proof is for is the request that it comes with, whatever that is.
#[tokio::test]
async fn each_method_has_its_own_proof() {
    let (service, key) = (service(), Key::es256(""));
    let request = |proof: &str| {
        let request = Request::delete("/mcp").header("host", "localhost").header("authorization", BOUND);
        request.header("dpop", proof).header("mcp-session-id", "none").body(String::new()).unwrap()
    };
    let refused = answered(service.call(request(&key.proof(&claims()))).await).await;
    assert_refused(&refused, "the proof is for another method");
    let proof = key.proof(&but(&claims(), &json!({"htm": "DELETE"})));
    let let_in = answered(service.call(request(&proof)).await).await;
    assert_eq!(let_in.status, StatusCode::NOT_FOUND, "there is no such session: {let_in:?}");
}

/// With nonces, what counts is when this server was last asked, and not what a client says of its clock.
#[tokio::test]
async fn a_server_may_want_nonces_of_its_own() {
    let (service, key) = (protected(protection().require_dpop_nonce().unwrap()), Key::es256(""));
    let proof = key.proof(&claims());
    let wants = ask_with(&service, BOUND, &[&proof]).await;
    assert_refused(&wants, r#"DPoP error="use_dpop_nonce""#);
    assert!(wants.challenge.contains(r#"algs="ES256 "#), "{wants:?}");
    let nonce = wants.nonce.unwrap();
    let with = |changes: &Value| key.proof(&but(&claims(), changes));
    let proof = with(&json!({"nonce": nonce, "iat": now() - 3600}));
    let let_in = ask_with(&service, BOUND, &[&proof]).await;
    assert_is(&let_in, "ann");
    assert_eq!(let_in.nonce, None, "that one is good for some minutes");
    assert_refused(&ask_with(&service, BOUND, &[&proof]).await, "the proof was used before");
    assert_is(&ask_with(&service, BOUND, &[&with(&json!({"nonce": nonce}))]).await, "ann");
    let other = protected(protection().require_dpop_nonce().unwrap());
    let other = ask_with(&other, BOUND, &[&key.proof(&claims())]).await.nonce.unwrap();
    for foreign in [json!(other), json!(""), json!("made up"), json!(null)] {
        let refused = ask_with(&service, BOUND, &[&with(&json!({"nonce": foreign}))]).await;
        assert_refused(&refused, r#"error="use_dpop_nonce""#);
        assert!(refused.nonce.is_some());
    }
    // Whoever has no key needs no nonce, and gets none.
    assert_eq!(ask(&service, "Bearer free-token").await.nonce, None);
    // Servers with the same key take each other's.
    let key_of_both = "32 bytes that nobody can guess..";
    let [one, two] = [(); 2].map(|()| protected(protection().dpop_nonce_key(key_of_both).unwrap()));
    let nonce = ask_with(&one, BOUND, &[&key.proof(&claims())]).await.nonce.unwrap();
    assert_is(&ask_with(&two, BOUND, &[&with(&json!({"nonce": nonce}))]).await, "ann");
    // With a short key anybody could make nonces beforehand.
    for short in ["", "s3cret", &key_of_both[1..]] {
        let error = protection().dpop_nonce_key(short).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse);
        assert!(!error.to_string().contains("s3cret") && error.to_string().contains("32 bytes"), "{error}");
    }
}
