//! Verifiers that somebody else wrote: what comes of it when they do not say who somebody is, or fail.

use http::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use oxmcp::auth::{AuthInfo, NotVerified, Protection, Secret, VerifierFn};
use oxmcp::transport::HttpOptions;
use serde_json::json;
use tokio::net::TcpStream;

use crate::requests::{
    RESOURCE, answered, ask, assert_is, assert_refused, assert_unavailable, call, post, protected, service,
};

fn protection(verify: impl Fn(&str) -> Result<AuthInfo, NotVerified> + Send + Sync + 'static) -> Protection {
    let verifier = VerifierFn::new(move |token: Secret, _resource: String| {
        let verified = verify(token.expose());
        async move { verified }
    });
    Protection::new(RESOURCE, "https://auth.example.com", verifier).unwrap()
}

#[tokio::test]
async fn who_is_not_named_is_nobody_else() {
    let service = protected(protection(|token| match token {
        "empty" => Ok(AuthInfo::from_claims(json!({"sub": "", "iss": "a"}).as_object().unwrap().clone())),
        _ => Ok(AuthInfo::default()),
    }));
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}
    }});
    let request = post(Some("Bearer one"), &initialize).body(initialize.to_string()).unwrap();
    let opened = service.call(request).await;
    assert_eq!(opened.status(), StatusCode::OK);
    let session = opened.headers()["mcp-session-id"].clone();
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    for (token, status) in [
        ("Bearer two", StatusCode::NOT_FOUND),
        ("Bearer empty", StatusCode::NOT_FOUND),
        ("Bearer one", StatusCode::OK),
    ] {
        let request = post(Some(token), &list).header("mcp-session-id", &session);
        let response = service.call(request.body(list.to_string()).unwrap()).await;
        assert_eq!(response.status(), status, "{token}");
    }
}

/// Tokens that are bound to what this server cannot check, like a certificate, are not taken for tokens of whoever has them.
#[tokio::test]
async fn what_a_token_is_bound_to_is_understood_or_the_token_is_refused() {
    let service = protected(protection(|token| {
        let mut info = AuthInfo::default();
        info.subject = Some("ann".to_owned());
        info.claims.insert("cnf".to_owned(), serde_json::from_str(token).unwrap());
        Ok(info)
    }));
    let unknown = "it is bound in a way that this server cannot check";
    for confirmation in [
        r#"{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}"#,
        r#"{"jwk":{"kty":"EC"}}"#,
        r#"{"jkt":5}"#,
        r#"{"jkt":"k","x5t#S256":"c"}"#,
        "{}",
        "[]",
    ] {
        for scheme in ["Bearer", "DPoP"] {
            assert_refused(&ask(&service, &format!("{scheme} {confirmation}")).await, unknown);
        }
    }
    assert_is(&ask(&service, "Bearer null").await, "ann");
    let stolen = ask(&service, r#"Bearer {"jkt":"k"}"#).await;
    assert_refused(&stolen, "the token is bound to a key and needs a proof");
}

#[tokio::test]
async fn a_verifier_that_panics_costs_nobody_his_connection() {
    let protection = protection(|token| {
        let mut info = AuthInfo::default();
        // A token of one letter is one that nobody has thought of.
        info.subject = Some(token[..2].to_owned());
        Ok(info)
    });
    let options = HttpOptions { protection: Some(protection), ..HttpOptions::default() };
    let server = service().listen(options).await.unwrap();
    let address = server.url().strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap();
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut connection, driver) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(driver);
    for _ in 0..2 {
        for (token, subject) in [("Bearer x", None), ("Bearer ann", Some("an"))] {
            let body = call("who");
            let request = post(Some(token), &body).body(body.to_string()).unwrap();
            connection.ready().await.unwrap();
            let response: Response<hyper::body::Incoming> = connection.send_request(request).await.unwrap();
            let answered = answered(response).await;
            match subject {
                Some(subject) => assert_is(&answered, subject),
                None => assert_unavailable(&answered, &["panicked", "index", "char"]),
            }
        }
    }
    server.close().await;
}
