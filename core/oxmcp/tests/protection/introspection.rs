//! Tokens of which the issuer says what they are, each time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use http::StatusCode;
use oxmcp::ErrorKind;
use oxmcp::auth::{ClientCredentials, Introspection, Protection, SecretMethod};
use oxmcp::server::TaskMode;
use oxmcp::transport::HttpOptions;
use serde_json::{Value, json};

use crate::issuer::Issuer;
use crate::keys::{but, now};
use crate::requests::{
    RESOURCE, ask, assert_is, assert_refused, assert_unavailable, call, post, service as unprotected, text,
    verified_by,
};
use crate::stopped_clock::StoppedClock;

const TOKEN: &str = "Bearer opaque/+ =";

fn own_client() -> ClientCredentials {
    ClientCredentials::secret("files", "s3cret:+")
}

#[tokio::test]
async fn the_issuer_says_what_a_token_is() {
    let issuer = Issuer::new(&[]).await;
    let service = verified_by(&issuer.url, Introspection::new(&issuer.url, own_client()).unwrap());
    let good = json!({"active": true, "aud": RESOURCE, "iss": issuer.url, "sub": "ann", "exp": now() + 3600});
    // A root issuer is the same with and without its slash.
    issuer.page(|page| page.token = but(&good, &json!({"iss": format!("{}/", issuer.url)})));
    assert_is(&ask(&service, TOKEN).await, "ann");
    assert_eq!(issuer.page(|page| page.asked.pop().unwrap().0), "/introspect");
    for changes in [json!({}), json!({"iss": null}), json!({"exp": null}), json!({"aud": ["x", RESOURCE]})] {
        issuer.page(|page| page.token = but(&good, &changes));
        assert_is(&ask(&service, TOKEN).await, "ann");
    }
    let for_another =
        "it was issued for another server, or does not say for which (its aud is not http://localhost/mcp)";
    for (changes, why) in [
        (json!({"active": false}), "it is not good, or not any more"),
        (json!({"active": null}), "it is not good, or not any more"),
        (json!({"active": "true"}), "it is not good, or not any more"),
        (json!({"aud": null}), for_another),
        (json!({"aud": "http://localhost/other"}), for_another),
        (json!({"aud": ["http://localhost/other", "http://localhost"]}), for_another),
        (json!({"aud": [[RESOURCE]]}), for_another),
        (json!({"iss": "https://auth.example.com"}), "it is of another issuer"),
        (json!({"iss": [issuer.url]}), "it is of another issuer"),
        (json!({"exp": now() - 1}), "it has expired"),
    ] {
        issuer.page(|page| page.token = but(&good, &changes));
        assert_refused(&ask(&service, TOKEN).await, why);
    }
    // It was good a moment ago, which is why it is asked for each time.
    assert_eq!(issuer.asked("/introspect"), 14);
    assert_eq!(issuer.asked("/.well-known/oauth-authorization-server"), 1);
}

/// All who are not named would be one, and get at each other's sessions.
#[tokio::test]
async fn a_token_that_names_nobody_is_refused() {
    let issuer = Issuer::new(&[]).await;
    let service = verified_by(&issuer.url, Introspection::new(&issuer.url, own_client()).unwrap());
    for changes in
        [json!({}), json!({"sub": ""}), json!({"sub": 7, "client_id": null}), json!({"iss": issuer.url})]
    {
        issuer.page(|page| page.token = but(&json!({"active": true, "aud": RESOURCE}), &changes));
        assert_refused(&ask(&service, TOKEN).await, "it names neither a user nor a client");
    }
    issuer.page(|page| page.token = json!({"active": true, "aud": RESOURCE, "client_id": "reports"}));
    assert_is(&ask(&service, TOKEN).await, "");
}

#[tokio::test]
async fn the_server_says_who_it_is() {
    let issuer = Issuer::new(&[]).await;
    issuer.page(|page| page.token = json!({"active": true, "aud": "api://files", "sub": "ann"}));
    let verifier = Introspection::new(&issuer.url, own_client()).unwrap().audience("api://files");
    assert_is(&ask(&verified_by(&issuer.url, verifier), TOKEN).await, "ann");
    let (_, credential, body) = issuer.page(|page| page.asked.pop()).unwrap();
    // Both parts are form-encoded before they are joined (RFC 6749, section 2.3.1).
    assert_eq!(credential, format!("Basic {}", STANDARD.encode("files:s3cret%3A%2B")));
    let form: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(
        form,
        [
            ("token".to_owned(), "opaque/+ =".to_owned()),
            ("token_type_hint".to_owned(), "access_token".to_owned())
        ]
    );
}

#[tokio::test]
async fn as_long_as_the_issuer_cannot_say_tokens_are_neither_good_nor_bad() {
    let issuer = Issuer::new(&[]).await;
    let service = verified_by(&issuer.url, Introspection::new(&issuer.url, own_client()).unwrap());
    for status in [500, 503, 401, 302] {
        issuer.page(|page| page.failure = Some(status));
        assert_unavailable(&ask(&service, TOKEN).await, &["database", &issuer.url, &status.to_string()]);
    }
    issuer.page(|page| page.failure = None);
    issuer.page(|page| page.token = json!("not an object"));
    assert_unavailable(&ask(&service, TOKEN).await, &["object"]);
    issuer.page(|page| page.token = json!({"active": true, "aud": RESOURCE, "sub": "ann"}));
    assert_is(&ask(&service, TOKEN).await, "ann");
}

#[tokio::test]
async fn the_endpoint_may_be_where_the_user_says() {
    let issuer = Issuer::new(&[]).await;
    issuer.page(|page| page.token = json!({"active": true, "aud": RESOURCE, "sub": "ann"}));
    let named = "https://auth.example.com";
    let verifier = Introspection::new(named, own_client()).unwrap();
    let verifier = verifier.endpoint(&format!("{}/introspect", issuer.url)).unwrap();
    assert_is(&ask(&verified_by(named, verifier), TOKEN).await, "ann");
    assert_eq!(issuer.page(|page| page.asked.len()), 1);
    assert_eq!(Introspection::new("auth", own_client()).unwrap_err().kind(), ErrorKind::Misuse);
    let refused = Introspection::new(named, own_client()).unwrap().endpoint("introspect");
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Misuse);
}

#[tokio::test]
async fn an_issuer_that_says_to_be_another_is_told_nothing() {
    let issuer = Issuer::new(&[]).await;
    issuer.page(|page| page.metadata["issuer"] = json!("https://auth.example.com"));
    let service = verified_by(&issuer.url, Introspection::new(&issuer.url, own_client()).unwrap());
    assert_unavailable(&ask(&service, TOKEN).await, &["auth.example.com"]);
    assert_eq!(issuer.asked("/introspect"), 0);
}

/// Anybody can send tokens. The issuer is not to hear of all of them at once.
#[tokio::test]
async fn so_many_tokens_are_asked_about_at_once_and_the_rest_waits_or_is_sent_away() {
    let issuer = Issuer::new(&[]).await;
    issuer.page(|page| page.token = json!({"active": true, "aud": RESOURCE, "sub": "ann"}));
    let verifier = Introspection::new(&issuer.url, own_client()).unwrap().at_once(4);
    let service = verified_by(&issuer.url, verifier);
    issuer.page(|page| page.is_held = true);
    let tokens: Vec<_> = (0..100).map(|token| format!("Bearer made-up-{token}")).collect();
    let mut asks: FuturesUnordered<_> = tokens.iter().map(|token| ask(&service, token)).collect();
    for _ in 0..100 - (4 + 4 * 16) {
        assert_unavailable(&asks.next().await.unwrap(), &["asked about", &issuer.url]);
    }
    tokio::select! {
        answered = asks.next() => panic!("nobody knows of the others yet: {answered:?}"),
        () = issuer.is_asked("/introspect", 4) => {}
    }
    assert_eq!(issuer.asked("/introspect"), 4);
    issuer.release();
    while let Some(answered) = asks.next().await {
        assert_is(&answered, "ann");
    }
    assert_eq!(issuer.asked("/introspect"), 4 + 4 * 16);
}

#[tokio::test]
async fn those_who_show_the_same_token_share_the_answer() {
    let issuer = Issuer::new(&[]).await;
    issuer.page(|page| page.token = json!({"active": true, "aud": RESOURCE, "sub": "ann"}));
    let service = verified_by(&issuer.url, Introspection::new(&issuer.url, own_client()).unwrap());
    issuer.page(|page| page.is_held = true);
    let asks = join_all((0..50).map(|_| ask(&service, TOKEN)));
    let release = async {
        issuer.is_asked("/introspect", 1).await;
        issuer.release();
    };
    let (answers, ()) = tokio::join!(asks, release);
    answers.iter().for_each(|answered| assert_is(answered, "ann"));
    assert_eq!(issuer.asked("/introspect"), 1);
    // The answer is for those who waited, and nobody after them.
    issuer.page(|page| page.token = json!({"active": false}));
    assert_refused(&ask(&service, TOKEN).await, "it is not good, or not any more");
}

#[tokio::test]
async fn an_endpoint_that_has_moved_is_found_again() {
    let clock = StoppedClock::new();
    let issuer = Issuer::new(&[]).await;
    issuer.page(|page| page.token = json!({"active": true, "aud": RESOURCE, "sub": "ann"}));
    let service = verified_by(&issuer.url, Introspection::new(&issuer.url, own_client()).unwrap());
    assert_is(&ask(&service, TOKEN).await, "ann");
    let moved = format!("{}/elsewhere", issuer.url);
    issuer.page(|page| page.metadata["introspection_endpoint"] = json!(moved));
    for _ in 0..3 {
        assert_unavailable(&ask(&service, TOKEN).await, &["404"]);
    }
    let metadata = "/.well-known/oauth-authorization-server";
    assert_eq!(issuer.asked(metadata), 1, "it was there just now");
    clock.advance(30).await;
    assert_unavailable(&ask(&service, TOKEN).await, &["404"]);
    issuer.is_asked(metadata, 2).await;
    while ask(&service, TOKEN).await.status != 200 {}
    assert_eq!(issuer.asked("/elsewhere"), 1);
    assert_eq!(issuer.asked(metadata), 2);
}

/// Clients may show themselves there in other ways than where tokens are issued (RFC 8414, section 2).
#[tokio::test]
async fn the_server_shows_itself_as_the_endpoint_wants_it() {
    for (token_endpoint, introspection_endpoint, method, is_basic) in [
        (json!(["none"]), json!(["client_secret_basic"]), None, true),
        (json!(["none"]), json!(null), None, true),
        (json!(["client_secret_basic"]), json!(["client_secret_post"]), None, false),
        (json!(["client_secret_post"]), json!(null), None, false),
        (json!(null), json!(null), Some(SecretMethod::Post), false),
    ] {
        let issuer = Issuer::new(&[]).await;
        issuer.page(|page| {
            page.token = json!({"active": true, "aud": RESOURCE, "sub": "ann"});
            page.metadata["token_endpoint_auth_methods_supported"] = token_endpoint;
            page.metadata["introspection_endpoint_auth_methods_supported"] = introspection_endpoint;
        });
        let client = match method {
            Some(method) => own_client().method(method),
            None => own_client(),
        };
        let service = verified_by(&issuer.url, Introspection::new(&issuer.url, client).unwrap());
        assert_is(&ask(&service, TOKEN).await, "ann");
        let (_, credential, body) = issuer.page(|page| page.asked.pop()).unwrap();
        assert_eq!(credential.starts_with("Basic "), is_basic, "{credential}");
        assert_eq!(body.contains("&client_secret=s3cret%3A%2B&client_id=files"), !is_basic, "{body}");
    }
}

/// A client may have many users. What one of them has is not for the others.
#[tokio::test]
async fn what_a_token_without_a_user_owns_is_its_own() {
    let issuer = Issuer::new(&[]).await;
    let verifier = Introspection::new(&issuer.url, own_client()).unwrap();
    let server = unprotected().task_tool("count", "Counts.", TaskMode::optional(), || async {
        tokio::task::yield_now().await;
        "all of them"
    });
    let protection = Protection::new(RESOURCE, &issuer.url, verifier).unwrap();
    let options = HttpOptions { protection: Some(protection), ..HttpOptions::default() };
    let service = server.http_service(options).unwrap();
    for (claims, is_for_others) in [
        (json!({"client_id": "app"}), false),
        (json!({"azp": "app", "sub": ""}), false),
        (json!({"client_id": "app", "username": "ann"}), true),
        (json!({"client_id": "app", "sub": "ann"}), true),
    ] {
        issuer.page(|page| page.token = but(&json!({"active": true, "aud": RESOURCE}), &claims));
        let send = async |token: &str, body: &Value, headers: &[(&str, &str)]| {
            let mut request = post(Some(token), body);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            service.call(request.body(body.to_string()).unwrap()).await
        };

        let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}
        }});
        let opened = send("Bearer one", &initialize, &[]).await;
        let session = opened.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let status = async |token| send(token, &list, &[("mcp-session-id", &session)]).await.status();
        assert_eq!(status("Bearer one").await, StatusCode::OK, "{claims}");
        assert_eq!(status("Bearer other").await == StatusCode::OK, is_for_others, "{claims}");

        let mut count = call("count");
        count["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
            json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
        let created = text(send("Bearer one", &count, &[]).await).await;
        let created: Value = serde_json::from_str(&created).unwrap();
        let task = created["result"]["taskId"].as_str().unwrap_or_else(|| panic!("{created}"));
        let mut ask = count.clone();
        ask["method"] = json!("tasks/get");
        ask["params"] = json!({"taskId": task, "_meta": count["params"]["_meta"]});
        let of_task = async |token| text(send(token, &ask, &[("mcp-name", task)]).await).await;
        let own = of_task("Bearer one").await;
        assert!(own.contains(r#""status":"#), "{own}");
        let others = of_task("Bearer other").await;
        assert_eq!(others.contains("there is no such task"), !is_for_others, "{claims}: {others}");
        assert_eq!(others.contains(r#""status":"#), is_for_others, "{claims}: {others}");
    }
}
