//! Tokens that are JWTs: of the right issuer, for this server, good now, and signed in a way that is allowed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oxmcp::ErrorKind;
use oxmcp::auth::JwtVerifier;
use oxmcp::transport::HttpService;
use serde_json::{Value, json};

use crate::issuer::Issuer;
use crate::keys::{Key, but, claims, now};
use crate::requests::{RESOURCE, ask, assert_is, assert_refused, assert_unavailable, verified_by};

/// A server, the issuer whose tokens it takes, the issuer's key, and claims that are good.
async fn fixture() -> (HttpService, Key, Value) {
    let key = Key::es256("main");
    let issuer = Issuer::new(std::slice::from_ref(&key)).await;
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    (service, key, claims(&issuer.url, RESOURCE))
}

fn bearer(token: impl std::fmt::Display) -> String {
    format!("Bearer {token}")
}

/// A JWT that nobody has signed.
fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.", part(header), part(claims))
}

#[tokio::test]
async fn tokens_of_the_issuer_are_taken_whatever_kind_of_key_signs() {
    let keys = [
        Key::es256("es256"),
        Key::eddsa("eddsa"),
        Key::rsa("rs256", Algorithm::RS256),
        Key::rsa("ps256", Algorithm::PS256),
    ];
    let issuer = Issuer::new(&keys).await;
    // What is not known here must not keep the others from being known.
    issuer.page(|page| page.keys.insert(0, json!({"kty": "new", "kid": "strange", "shape": 7})));
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    let claims = claims(&issuer.url, RESOURCE);
    for key in &keys {
        assert_is(&ask(&service, &bearer(key.sign(&claims))).await, "ann");
        // Some issuers name no key.
        let nameless = Header { kid: None, ..key.header() };
        assert_is(&ask(&service, &bearer(key.sign_as(&nameless, &claims))).await, "ann");
    }
    for claims in [
        but(&claims, &json!({"aud": ["https://other.example.com", RESOURCE]})),
        but(&claims, &json!({"exp": now() as f64 + 60.5})),
        but(&claims, &json!({"nbf": now() - 5})),
    ] {
        assert_is(&ask(&service, &bearer(keys[0].sign(&claims))).await, "ann");
    }
    for typ in [None, Some("JWT"), Some("AT+JWT"), Some("application/at+jwt")] {
        let header = Header { typ: typ.map(str::to_owned), ..keys[0].header() };
        assert_is(&ask(&service, &bearer(keys[0].sign_as(&header, &claims))).await, "ann");
    }
    assert_eq!(issuer.asked("/keys"), 1);
    assert_eq!(issuer.asked("/.well-known/oauth-authorization-server"), 1);
}

#[tokio::test]
async fn claims_that_are_not_right_are_refused() {
    let (service, key, claims) = fixture().await;
    let issuer = claims["iss"].as_str().unwrap();
    let missing = "it does not say of whom, for whom or until when it is";
    let unreadable = "its claims cannot be read";
    let elsewhere = "it was issued for another server (its aud is not http://localhost/mcp)";
    let of_another = &format!("it is of another issuer (its iss is not {issuer})");
    for (changes, why) in [
        (json!({"aud": "http://localhost/other"}), elsewhere),
        (json!({"aud": ["http://localhost", "http://localhost/mcp/"]}), elsewhere),
        (json!({"aud": []}), elsewhere),
        (json!({"aud": null}), missing),
        (json!({"aud": {"is": RESOURCE}}), missing),
        (json!({"iss": "https://auth.example.com"}), of_another),
        (json!({"iss": format!("{issuer}/tenant")}), of_another),
        (json!({"iss": ["https://auth.example.com", issuer]}), of_another),
        (json!({"iss": null}), missing),
        (json!({"exp": now() - 3600}), "it has expired"),
        (json!({"exp": 0}), "it has expired"),
        (json!({"exp": null}), missing),
        (json!({"exp": (now() + 3600).to_string()}), missing),
        (json!({"exp": -1}), missing),
        (json!({"exp": true}), missing),
        (json!({"exp": [now() + 3600]}), unreadable),
        (json!({"nbf": now() + 3600}), "it is not good yet"),
        (json!({"nbf": "tomorrow"}), unreadable),
        (json!({"sub": null, "client_id": null}), "it names neither a user nor a client"),
        (json!({"sub": "", "client_id": ["reports"]}), "it names neither a user nor a client"),
    ] {
        let token = key.sign(&but(&claims, &changes));
        assert_refused(&ask(&service, &bearer(token)).await, why);
    }
    assert_is(&ask(&service, &bearer(key.sign(&claims))).await, "ann");
}

#[tokio::test]
async fn signatures_that_are_not_right_are_refused() {
    let (service, key, claims) = fixture().await;
    let good = key.sign(&claims);
    let header = |changes: Value| {
        let own = serde_json::to_value(key.header()).unwrap();
        but(&own, &changes)
    };
    for token in [
        unsigned(&header(json!({"alg": "none"})), &claims),
        unsigned(&header(json!({"alg": "None"})), &claims),
        unsigned(&json!({"typ": "at+jwt"}), &claims),
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        "..".to_owned(),
        "{}".to_owned(),
        good.replace('.', ""),
        format!("{good}.{good}"),
    ] {
        assert_refused(&ask(&service, &bearer(token)).await, "it is no JWT");
    }
    let (signed, _) = good.rsplit_once('.').unwrap();
    let other = but(&claims, &json!({"sub": "root"}));
    let other = key.sign(&other);
    let (_, signature) = other.rsplit_once('.').unwrap();
    for token in [
        format!("{signed}.{signature}"),
        format!("{signed}."),
        unsigned(&header(json!({})), &claims),
        Key::other("main").sign(&claims),
        // The key of the name is of another kind.
        Key::eddsa("main").sign(&claims),
    ] {
        assert_refused(&ask(&service, &bearer(token)).await, "its signature is wrong");
    }
    let unknown = Key::es256("unheard-of").sign(&claims);
    assert_refused(&ask(&service, &bearer(unknown)).await, "no key of the issuer has signed it");
    let long = key.sign(&but(&claims, &json!({"more": "x".repeat(16 << 10)})));
    assert_refused(&ask(&service, &bearer(long)).await, "it is too long");
    let wants = Header { crit: Some(vec!["exp".to_owned()]), ..key.header() };
    let wants = key.sign_as(&wants, &claims);
    assert_refused(&ask(&service, &bearer(wants)).await, "it wants something to be understood that is not");
    for typ in ["id_token", "logout+jwt", "dpop+jwt", "secevent+jwt"] {
        let token = key.sign_as(&Header { typ: Some(typ.to_owned()), ..key.header() }, &claims);
        assert_refused(&ask(&service, &bearer(token)).await, "it is no access token");
    }
    assert_is(&ask(&service, &bearer(good)).await, "ann");
}

/// A public key is known to everybody. Whoever takes it for a shared secret takes everybody's tokens.
#[tokio::test]
async fn a_public_key_is_never_a_shared_secret() {
    let key = Key::rsa("main", Algorithm::RS256);
    let issuer = Issuer::new(std::slice::from_ref(&key)).await;
    let shared = json!({"kty": "oct", "kid": "shared", "k": URL_SAFE_NO_PAD.encode("known to all")});
    issuer.page(|page| page.keys.push(shared));
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    let claims = claims(&issuer.url, RESOURCE);
    let modulus = key.jwk()["n"].as_str().unwrap().to_owned();
    for (kid, secret) in [
        ("main", key.jwk().to_string().into_bytes()),
        ("main", URL_SAFE_NO_PAD.decode(&modulus).unwrap()),
        ("main", modulus.into_bytes()),
        ("shared", b"known to all".to_vec()),
    ] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
            let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret)).unwrap();
            assert_refused(&ask(&service, &bearer(token)).await, &format!("it is signed with {algorithm:?}"));
        }
    }
    assert_is(&ask(&service, &bearer(key.sign(&claims))).await, "ann");
    for shared in ["HS256", "HS512", "none", "RS257"] {
        let refused = JwtVerifier::new(&issuer.url).unwrap().algorithms([shared]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Misuse);
    }
}

#[tokio::test]
async fn only_algorithms_that_are_allowed_are_taken_and_further_names_of_the_server_are() {
    let keys = [Key::es256("es256"), Key::eddsa("eddsa")];
    let issuer = Issuer::new(&keys).await;
    let verifier =
        JwtVerifier::new(&issuer.url).unwrap().algorithms(["ES256"]).unwrap().audience("api://mcp");
    let service = verified_by(&issuer.url, verifier);
    let claims = claims(&issuer.url, "api://mcp");
    assert_is(&ask(&service, &bearer(keys[0].sign(&claims))).await, "ann");
    assert_refused(&ask(&service, &bearer(keys[1].sign(&claims))).await, "it is signed with EdDSA");
}

#[tokio::test]
async fn an_issuer_that_says_to_be_another_is_not_believed() {
    let key = Key::es256("main");
    let issuer = Issuer::new(std::slice::from_ref(&key)).await;
    issuer.page(|page| page.metadata["issuer"] = json!("https://auth.example.com"));
    let service = verified_by(&issuer.url, JwtVerifier::new(&issuer.url).unwrap());
    let token = bearer(key.sign(&claims(&issuer.url, RESOURCE)));
    assert_unavailable(&ask(&service, &token).await, &["auth.example.com", &issuer.url]);
    assert_eq!(issuer.asked("/keys"), 0);
}

#[tokio::test]
async fn keys_may_be_where_the_user_says() {
    let key = Key::es256("main");
    let issuer = Issuer::new(std::slice::from_ref(&key)).await;
    let verifier =
        JwtVerifier::with_keys_at("https://auth.example.com", &format!("{}/keys", issuer.url)).unwrap();
    let service = verified_by("https://auth.example.com", verifier);
    let token = key.sign(&claims("https://auth.example.com", RESOURCE));
    assert_is(&ask(&service, &bearer(token)).await, "ann");
    assert_eq!(issuer.page(|page| page.asked.len()), 1);
    assert_eq!(JwtVerifier::new("auth").unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(JwtVerifier::with_keys_at("https://a.example", "keys").unwrap_err().kind(), ErrorKind::Misuse);
}

/// Tokens of common servers have the slash where their metadata, or whoever wrote the server's name down, has not.
#[tokio::test]
async fn a_root_issuer_is_the_same_with_and_without_its_slash() {
    let key = Key::es256("main");
    for spelling in 0..8 {
        let issuer = Issuer::new(std::slice::from_ref(&key)).await;
        let spelled = |bit: u32| match spelling & (1 << bit) {
            0 => issuer.url.clone(),
            _ => format!("{}/", issuer.url),
        };
        issuer.page(|page| page.metadata["issuer"] = json!(spelled(0)));
        let service = verified_by(&issuer.url, JwtVerifier::new(spelled(1)).unwrap());
        assert_is(&ask(&service, &bearer(key.sign(&claims(&spelled(2), RESOURCE)))).await, "ann");
        let other = key.sign(&claims(&format!("{}//", issuer.url), RESOURCE));
        assert_refused(&ask(&service, &bearer(other)).await, "it is of another issuer");
    }
    for (named, says) in [("/tenant", "/tenant/"), ("/tenant/", "/tenant")] {
        let issuer = Issuer::new(std::slice::from_ref(&key)).await;
        let named = format!("{}{named}", issuer.url);
        let verifier = JwtVerifier::with_keys_at(&named, &format!("{}/keys", issuer.url)).unwrap();
        let service = verified_by(&named, verifier);
        let token = key.sign(&claims(&format!("{}{says}", issuer.url), RESOURCE));
        assert_refused(&ask(&service, &bearer(token)).await, "it is of another issuer");
    }
}
