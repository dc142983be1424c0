//! The gate: who gets through, what the others are told, and what belongs to whom inside.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::header::WWW_AUTHENTICATE;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use oxmcp::auth::{AuthInfo, NotVerified, Protection, Scopes, Secret, VerifierFn};
use oxmcp::server::tool;
use oxmcp::transport::{HttpOptions, HttpService};
use oxmcp::{Context, ErrorKind, Server};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::requests::{RESOURCE, call, post, text};

/// Knows tokens of the form `subject/scope,scope`.
async fn whose(token: Secret, resource: String) -> Result<AuthInfo, NotVerified> {
    assert_eq!(resource, RESOURCE);
    match token.expose().split_once('/') {
        Some(("nobody-knows", _)) => Err(NotVerified::Unavailable("the database is away".to_owned())),
        Some((subject, scopes)) => {
            let claims = json!({"sub": subject, "scope": scopes.replace(',', " "), "team": "red"});
            Ok(AuthInfo::from_claims(claims.as_object().unwrap().clone()))
        }
        None => Err(NotVerified::Invalid("it is \"no\" token of ours".to_owned())),
    }
}

fn service() -> HttpService {
    let server = Server::new("guarded", "1.0.0")
        .with(tool("who", |context: Context| async move {
            let auth = context.auth().expect("only who has a token gets here");
            format!("{} of {}", auth.subject.as_deref().unwrap_or("?"), auth.claims["team"])
        }))
        .with(tool("write", || async { "written" }).scopes(["files:write", "mcp"]));
    let protection = Protection::new(RESOURCE, "https://auth.example.com", VerifierFn::new(whose))
        .unwrap()
        .scopes(["mcp"])
        .scopes_supported(["mcp", "files:write"])
        .name("Guarded");
    server.http_service(HttpOptions { protection: Some(protection), ..HttpOptions::default() }).unwrap()
}

async fn send(
    service: &HttpService,
    token: Option<&str>,
    body: &Value,
) -> (StatusCode, Option<String>, String) {
    let response = service.call(post(token, body).body(body.to_string()).unwrap()).await;
    let challenge = response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
    (response.status(), challenge, text(response).await)
}

#[tokio::test]
async fn who_has_no_token_learns_where_to_get_one() {
    let service = service();
    let (status, challenge, _) = send(&service, None, &call("who")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let metadata = "http://localhost/.well-known/oauth-protected-resource/mcp";
    assert_eq!(challenge.unwrap(), format!(r#"Bearer scope="mcp",resource_metadata="{metadata}""#));

    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let request = Request::get(path).header("host", "localhost").body(String::new()).unwrap();
        let response = service.call(request).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let document: Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(
            document,
            json!({
                "resource": RESOURCE,
                "authorization_servers": ["https://auth.example.com"],
                "scopes_supported": ["mcp", "files:write"],
                "bearer_methods_supported": ["header"],
                "resource_name": "Guarded",
            })
        );
    }
}

#[tokio::test]
async fn only_good_tokens_are_let_in_and_the_handler_knows_whose_they_are() {
    let service = service();
    let (status, _, body) = send(&service, Some("Bearer ann/mcp"), &call("who")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body.contains(r#"ann of \"red\""#), "{body}");
    for (token, status, error) in [
        ("Bearer what", StatusCode::UNAUTHORIZED, Some(r#"error="invalid_token""#)),
        ("bearer ann/mcp", StatusCode::OK, None),
        ("Basic YTpi", StatusCode::UNAUTHORIZED, Some("resource_metadata")),
        ("Bearer", StatusCode::UNAUTHORIZED, Some("resource_metadata")),
        ("DPoP ann/mcp", StatusCode::UNAUTHORIZED, Some("invalid_dpop_proof")),
        ("Bearer ann/other", StatusCode::FORBIDDEN, Some(r#"error="insufficient_scope",scope="mcp""#)),
        ("Bearer nobody-knows/mcp", StatusCode::SERVICE_UNAVAILABLE, None),
    ] {
        let (found, challenge, body) = send(&service, Some(token), &call("who")).await;
        assert_eq!(found, status, "{token}: {body}");
        assert_eq!(challenge.is_some(), error.is_some(), "{token}");
        if let (Some(challenge), Some(error)) = (challenge, error) {
            assert!(challenge.contains(error), "{token}: {challenge}");
        }
        assert!(!body.contains("database"), "what is wrong inside is for the log alone");
    }
    let twice = post(Some("Bearer ann/mcp"), &call("who")).header("authorization", "Bearer bob/mcp");
    let response = service.call(twice.body(call("who").to_string()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_tool_may_need_more_than_its_server_does() {
    let service = service();
    let (status, challenge, _) = send(&service, Some("Bearer ann/mcp"), &call("write")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let challenge = challenge.unwrap();
    assert!(challenge.contains(r#"error="insufficient_scope",scope="mcp files:write""#), "{challenge}");
    let (status, _, body) = send(&service, Some("Bearer ann/mcp,files:write"), &call("write")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("written"), "{body}");
}

#[tokio::test]
async fn a_session_belongs_to_who_opened_it() {
    let service = service();
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}
    }});
    let request = post(Some("Bearer ann/mcp"), &initialize).body(initialize.to_string()).unwrap();
    let response = service.call(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let session = response.headers()["mcp-session-id"].clone();
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    for (token, status) in [
        ("Bearer bob/mcp", StatusCode::NOT_FOUND),
        // A new token of the same user is the same user's.
        ("Bearer ann/mcp,files:write", StatusCode::OK),
    ] {
        let request = post(Some(token), &list).header("mcp-session-id", &session);
        let response = service.call(request.body(list.to_string()).unwrap()).await;
        assert_eq!(response.status(), status, "{token}");
    }
    let get = |token: &str| {
        Request::get("/mcp")
            .header("host", "localhost")
            .header("accept", "text/event-stream")
            .header("authorization", token)
            .header("mcp-session-id", &session)
            .body(String::new())
            .unwrap()
    };
    assert_eq!(service.call(get("Bearer bob/mcp")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(service.call(get("Bearer ann/mcp")).await.status(), StatusCode::OK);
    let delete = |token: &str| {
        Request::delete("/mcp")
            .header("host", "localhost")
            .header("authorization", token)
            .header("mcp-session-id", &session)
            .body(String::new())
            .unwrap()
    };
    assert_eq!(service.call(delete("Bearer bob/mcp")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(service.call(delete("Bearer ann/mcp")).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_a_client_carries_between_rounds_is_good_for_its_user_alone() {
    let asked = Arc::new(Mutex::new(0));
    let count = asked.clone();
    let server = Server::new("guarded", "1.0.0").with(tool("delete", move |context: Context| {
        let count = count.clone();
        async move {
            context.confirm("Really?").await?;
            *count.lock().unwrap() += 1;
            Ok::<_, oxmcp::server::ToolError>("gone")
        }
    }));
    let protection = Protection::new(RESOURCE, "https://auth.example.com", VerifierFn::new(whose)).unwrap();
    let options = HttpOptions { protection: Some(protection), ..HttpOptions::default() };
    let service = server.http_service(options).unwrap();
    let mut ask = call("delete");
    ask["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
        json!({"elicitation": {"form": {}}});
    let (status, _, body) = send(&service, Some("Bearer ann/"), &ask).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let answer: Value = match body.strip_prefix("event:") {
        None => serde_json::from_str(&body).unwrap(),
        Some(_) => panic!("an answer at once is JSON: {body}"),
    };
    let result = &answer["result"];
    assert_eq!(result["resultType"], "input_required", "{answer}");
    let (question, _) = result["inputRequests"].as_object().unwrap().iter().next().unwrap();
    let mut again = ask.clone();
    again["params"]["requestState"] = result["requestState"].clone();
    again["params"]["inputResponses"] = json!({question: {"action": "accept", "content": {"confirm": true}}});
    let (_, _, body) = send(&service, Some("Bearer bob/"), &again).await;
    assert!(body.contains("it was made for somebody else"), "{body}");
    assert_eq!(*asked.lock().unwrap(), 0);
    let (_, _, body) = send(&service, Some("Bearer ann/"), &again).await;
    assert!(body.contains("gone"), "{body}");
    assert_eq!(*asked.lock().unwrap(), 1);
}

#[test]
fn what_cannot_be_protected_is_not_served() {
    let protection = Protection::new(RESOURCE, "https://auth.example.com", VerifierFn::new(whose)).unwrap();
    let options = HttpOptions { protection: Some(protection), legacy_sse: true, ..HttpOptions::default() };
    let error = Server::new("guarded", "1.0.0").http_service(options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    for resource in ["mcp", "file:///mcp", "localhost:80"] {
        let refused = Protection::new(resource, "https://auth.example.com", VerifierFn::new(whose));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Misuse, "{resource}");
    }
    assert_eq!(Scopes::parse("b a"), Scopes::from(["a", "b"]));
}

/// Whoever has the broad scope has the narrow ones (2026-07-28, authorization, "Step-Up Authorization Flow").
#[tokio::test]
async fn a_scope_may_imply_others() {
    let server = Server::new("guarded", "1.0.0").with(
        tool("read", |context: Context| async move { context.auth().unwrap().scopes.to_string() })
            .scopes(["files:read"]),
    );
    let protection = Protection::new(RESOURCE, "https://auth.example.com", VerifierFn::new(whose))
        .unwrap()
        .scopes(["mcp"])
        .implies("files", ["files:read", "files:write"])
        .implies("all", ["files", "mcp"])
        .implies("files:write", ["all"]);
    let options = HttpOptions { protection: Some(protection), ..HttpOptions::default() };
    let service = server.http_service(options).unwrap();
    for (token, status, scopes) in [
        ("Bearer ann/all", StatusCode::OK, "all files mcp files:read files:write"),
        ("Bearer ann/mcp,files:read", StatusCode::OK, "mcp files:read"),
        ("Bearer ann/files:read", StatusCode::FORBIDDEN, "mcp"),
        ("Bearer ann/mcp", StatusCode::FORBIDDEN, "files:read"),
    ] {
        let (found, _, body) = send(&service, Some(token), &call("read")).await;
        assert_eq!(found, status, "{token}: {body}");
        assert!(body.contains(scopes), "{token}: {body}");
    }
}

/// Who listens has to be let in again when his token is over. Calls come to their end.
#[tokio::test(start_paused = true)]
async fn a_stream_for_listening_ends_with_its_token() {
    let server = Server::new("guarded", "1.0.0").with(tool("long", |context: Context| async move {
        context.progress(1.0, None, None);
        tokio::time::sleep(Duration::from_secs(7200)).await;
        "done"
    }));
    let verifier = VerifierFn::new(|_: Secret, _: String| async {
        let mut info = AuthInfo::default();
        info.subject = Some("ann".to_owned());
        info.expires_at = Some(SystemTime::now() + Duration::from_secs(3600));
        Ok(info)
    });
    let protection = Protection::new(RESOURCE, "https://auth.example.com", verifier).unwrap();
    let options = HttpOptions { protection: Some(protection), ..HttpOptions::default() };
    let service = server.http_service(options).unwrap();
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}
    }});
    let request = post(Some("Bearer a"), &initialize).body(initialize.to_string()).unwrap();
    let session = service.call(request).await.headers()["mcp-session-id"].clone();
    let get = Request::get("/mcp").header("host", "localhost").header("accept", "text/event-stream");
    let get = get.header("authorization", "Bearer a").header("mcp-session-id", session);
    let mut listen = call("");
    listen["method"] = json!("subscriptions/listen");
    listen["params"]["notifications"] = json!({"toolsListChanged": true});
    listen["params"].as_object_mut().unwrap().remove("name");
    let listen = post(Some("Bearer a"), &listen).body(listen.to_string()).unwrap();
    for request in [get.body(String::new()).unwrap(), listen] {
        let response = service.call(request).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (opened, mut body) = (Instant::now(), response.into_body());
        while let Some(frame) = body.frame().await {
            frame.unwrap();
            assert!(opened.elapsed() < Duration::from_secs(4000), "it has not ended");
        }
        assert!(opened.elapsed() >= Duration::from_secs(3600 + 20), "it ended before its token");
    }
    let mut long = call("long");
    long["params"]["_meta"]["progressToken"] = json!(1);
    let response = service.call(post(Some("Bearer a"), &long).body(long.to_string()).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert!(text(response).await.contains("done"));
}
