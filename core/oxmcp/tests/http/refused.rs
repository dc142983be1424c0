use oxmcp::transport::HttpOptions;
use oxmcp::{ErrorKind, Limits, Server};
use serde_json::json;

use crate::fixture::Fixture;
use crate::wire::Raw;

fn list() -> Raw {
    Raw::modern("tools/list", json!({}))
}

#[tokio::test]
async fn a_strange_host_or_origin_is_forbidden() {
    let Fixture { address, .. } = &Fixture::new().await;
    for request in [
        list().header("Host", "evil.example.com"),
        list().header("Host", "127.0.0.1.evil.example.com"),
        list().header("Origin", "http://evil.example.com"),
        list().header("Origin", "null"),
        list().more("Origin", "http://localhost").more("Origin", "http://evil.example.com"),
        Raw::new("GET").header("Origin", "http://evil.example.com"),
        Raw::new("DELETE").header("Host", "evil.example.com"),
        Raw::new("OPTIONS").header("Origin", "http://evil.example.com"),
        Raw::new("GET").path("/elsewhere").header("Host", "evil.example.com"),
        list().path("http://evil.example.com/mcp"),
    ] {
        let answer = request.send(*address).await;
        assert_eq!(answer.refusal(), (403, -32600), "{answer:?}");
    }
    for request in [
        list().header("Host", &address.to_string()),
        list().header("Host", "[::1]:3000").header("Origin", "http://localhost:5173"),
        list().header("Origin", "https://127.0.0.1"),
    ] {
        assert_eq!(request.send(*address).await.status, 200);
    }
}

#[tokio::test]
async fn other_hosts_and_origins_can_be_allowed() {
    let options = HttpOptions {
        allowed_hosts: vec!["mcp.example.com".into()],
        allowed_origins: vec!["https://app.example.com".into()],
        ..HttpOptions::default()
    };
    let Fixture { address, .. } = &Fixture::with(Limits::default(), options).await;
    let allowed = list().header("Host", "mcp.example.com").header("Origin", "https://app.example.com");
    assert_eq!(allowed.send(*address).await.status, 200);
    assert_eq!(allowed.header("Origin", "https://app.example.com:444").send(*address).await.status, 403);
}

#[tokio::test]
async fn listening_to_the_world_needs_allowed_hosts() {
    let server = Server::new("wire", "1.0.0");
    for host in ["0.0.0.0", "::", "192.0.2.1", "example.com"] {
        let options = HttpOptions { host: host.into(), ..HttpOptions::default() };
        assert_eq!(server.listen(options).await.unwrap_err().kind(), ErrorKind::Misuse, "{host}");
    }
    let options = HttpOptions {
        host: "0.0.0.0".into(),
        allowed_hosts: vec!["mcp.example.com".into()],
        ..HttpOptions::default()
    };
    let listening = server.listen(options).await.unwrap();
    assert!(listening.url().starts_with("http://127.0.0.1:"), "{}", listening.url());
    listening.close().await;
    for path in ["mcp", ""] {
        let options = HttpOptions { path: path.into(), ..HttpOptions::default() };
        assert_eq!(server.listen(options).await.unwrap_err().kind(), ErrorKind::Misuse, "{path:?}");
    }
}

#[tokio::test]
async fn the_endpoint_is_not_where_the_old_transport_is() {
    for path in ["/sse", "/messages"] {
        let options = HttpOptions { path: path.into(), ..HttpOptions::default() };
        Server::new("wire", "1.0.0").listen(options.clone()).await.unwrap().close().await;
        let options = HttpOptions { legacy_sse: true, ..options };
        let error = Server::new("wire", "1.0.0").listen(options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse, "{path}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_said_to_be() {
    let fixture = Fixture::new().await;
    let options = HttpOptions { port: fixture.address.port(), ..HttpOptions::default() };
    let error = Server::new("wire", "1.0.0").listen(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains(&fixture.address.port().to_string()), "{error}");
}

#[tokio::test]
async fn only_the_endpoint_is_there() {
    let Fixture { address, .. } = &Fixture::new().await;
    for path in ["/", "/mcp/", "/MCP", "/other"] {
        let answer = list().path(path).send(*address).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().contains("/mcp"));
    }
    assert_eq!(list().path("/mcp?key=value").send(*address).await.status, 200);
}

#[tokio::test]
async fn a_post_is_json() {
    let Fixture { address, .. } = &Fixture::new().await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let answer = list().header("Content-Type", content_type).send(*address).await;
        assert_eq!(answer.refusal(), (415, -32600), "{content_type}");
    }
    assert_eq!(list().without("Content-Type").send(*address).await.status, 415);
    let with_charset = list().header("Content-Type", "application/json; charset=utf-8");
    assert_eq!(with_charset.send(*address).await.status, 200);
}

#[tokio::test]
async fn what_is_no_message_is_a_bad_request() {
    let Fixture { address, .. } = &Fixture::new().await;
    let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}"#, "[".repeat(100_000));
    let cases: [(&[u8], i64); 9] = [
        (b"", -32700),
        (b"garbage", -32700),
        (br#"{"jsonrpc":"2.0","id":1,"#, -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", -32700),
        (deep.as_bytes(), -32700),
        (br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (br#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#, -32600),
        (b"[]", -32600),
    ];
    for (body, code) in cases {
        let answer = list().body(body).send(*address).await;
        assert_eq!(answer.refusal(), (400, code), "{}", String::from_utf8_lossy(&body[..body.len().min(80)]));
        assert!(answer.json()["id"].is_null() || answer.json()["id"] == 1);
    }
    let batch = json!([{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}]);
    assert_eq!(list().body(batch.to_string()).send(*address).await.refusal(), (400, -32600));
}

#[tokio::test]
async fn a_request_of_neither_era_is_told_what_is_missing() {
    let Fixture { address, .. } = &Fixture::new().await;
    for method in ["ping", "tools/list"] {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method});
        for request in [
            Raw::post(body.to_string()),
            Raw::post(body.to_string()).header("MCP-Protocol-Version", "2025-11-25"),
        ] {
            let answer = request.send(*address).await;
            assert_eq!(answer.refusal(), (400, -32600), "{method}");
            assert_eq!(answer.json()["id"], 7);
            assert!(
                answer.text().contains("Mcp-Session-Id") && answer.text().contains("MCP-Protocol-Version")
            );
        }
    }
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(Raw::post(notification.to_string()).send(*address).await.refusal(), (400, -32600));
}
