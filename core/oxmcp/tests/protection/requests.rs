//! Requests to a protected server, without a connection, and what came of them.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use oxmcp::auth::{Protection, TokenVerifier};
use oxmcp::server::tool;
use oxmcp::transport::{HttpOptions, HttpService};
use oxmcp::{Context, Server};
use serde_json::{Value, json};

pub(crate) const RESOURCE: &str = "http://localhost/mcp";

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) body: String,
}

/// A server whose tool `who` says who asks.
pub(crate) fn service() -> Server {
    let who = tool("who", |context: Context| async move {
        let auth = context.auth().expect("only who has a token gets here");
        auth.subject.clone().unwrap_or_default()
    });
    Server::new("guarded", "1.0.0").with(who)
}

/// The same behind a protection.
pub(crate) fn protected(protection: Protection) -> HttpService {
    let options = HttpOptions { protection: Some(protection), ..HttpOptions::default() };
    service().http_service(options).unwrap()
}

/// The same, for whom this verifier lets in.
pub(crate) fn verified_by(issuer: &str, verifier: impl TokenVerifier) -> HttpService {
    protected(Protection::new(RESOURCE, issuer, verifier).unwrap())
}

/// Asks who asks.
pub(crate) async fn ask(service: &HttpService, credential: &str) -> Answered {
    ask_with(service, credential, &[]).await
}

/// The same with proofs.
pub(crate) async fn ask_with(service: &HttpService, credential: &str, proofs: &[&str]) -> Answered {
    let body = call("who");
    let mut request = post(Some(credential), &body);
    for proof in proofs {
        request = request.header("dpop", *proof);
    }
    answered(service.call(request.body(body.to_string()).unwrap()).await).await
}

/// Fails unless the request was let in, as `subject`.
#[track_caller]
pub(crate) fn assert_is(answered: &Answered, subject: &str) {
    assert_eq!(answered.status, StatusCode::OK, "{answered:?}");
    assert!(answered.body.contains(&format!(r#""text":"{subject}""#)), "{answered:?}");
}

/// Fails unless the request was refused with HTTP 401 because of `why`.
#[track_caller]
pub(crate) fn assert_refused(answered: &Answered, why: &str) {
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{why}: {answered:?}");
    assert!(answered.challenge.contains(why), "{why}: {answered:?}");
}

/// Fails unless the server said that it cannot know, and no more than that.
#[track_caller]
pub(crate) fn assert_unavailable(answered: &Answered, inside: &[&str]) {
    assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE, "{answered:?}");
    assert_eq!(answered.challenge, "", "a client is not to throw its tokens away");
    for inside in inside {
        assert!(!answered.body.contains(inside), "{inside} is for the log alone: {answered:?}");
    }
}

pub(crate) async fn answered(
    response: Response<impl http_body::Body<Data = Bytes, Error: std::fmt::Debug>>,
) -> Answered {
    let challenge = response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
    let (status, challenge) = (response.status(), challenge.unwrap_or_default());
    let nonce = response.headers().get("dpop-nonce").map(|value| value.to_str().unwrap().to_owned());
    Answered { status, challenge, nonce, body: text(response).await }
}

pub(crate) async fn text(
    response: Response<impl http_body::Body<Data = Bytes, Error: std::fmt::Debug>>,
) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A request of `body`.
pub(crate) fn post(token: Option<&str>, body: &Value) -> http::request::Builder {
    let method = body["method"].as_str().unwrap_or_default();
    let mut request = Request::post("/mcp")
        .header("host", "localhost")
        .header(CONTENT_TYPE, "application/json")
        .header("accept", "application/json, text/event-stream");
    if body["params"]["_meta"].is_object() {
        request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", method);
        if let Some(name) = body["params"]["name"].as_str() {
            request = request.header("mcp-name", name);
        }
    }
    match token {
        Some(token) => request.header("authorization", token),
        None => request,
    }
}

/// A call of a tool that needs no arguments.
pub(crate) fn call(tool: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}
    }}})
}
