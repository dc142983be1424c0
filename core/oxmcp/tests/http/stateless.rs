use oxmcp::Limits;
use oxmcp::transport::HttpOptions;
use serde_json::json;

use crate::fixture::Fixture;
use crate::wire::{Raw, modern_body};

const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

#[tokio::test]
async fn a_request_is_answered_in_json() {
    let Fixture { address, .. } = &Fixture::new().await;
    let discover = Raw::modern("server/discover", json!({})).send(*address).await;
    assert_eq!(discover.status, 200);
    assert_eq!(discover.json()["id"], 7);
    assert_eq!(discover.json()["result"]["supportedVersions"][0], "2026-07-28");
    assert_eq!(discover.header("mcp-session-id"), None);
    let list = Raw::modern("tools/list", json!({})).send(*address).await;
    assert_eq!(list.json()["result"]["tools"][0]["name"], "echo");
    let call = Raw::modern("tools/call", json!({"name": "echo", "arguments": {"text": "hello"}}));
    let answer = call.send(*address).await.json();
    assert_eq!(answer["result"]["content"], json!([{"type": "text", "text": "hello"}]));
    assert_eq!(answer["result"]["resultType"], "complete");
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let Fixture { address, .. } = &Fixture::new().await;
    let mut open = Raw::modern("server/discover", json!({})).open(*address).await;
    open.read_to_end().await;
    for (request, status) in [
        (Raw::modern_call("nobody"), 200),
        (Raw::modern("no/such", json!({})), 404),
        (Raw::post("{"), 400),
        (Raw::modern_call("panic"), 200),
        (Raw::modern("tools/list", json!({})), 200),
    ] {
        open.send_next(&request).await;
        open.read_to_end().await;
        assert_eq!(open.response.status, status, "{:?}", open.response);
    }
}

#[tokio::test]
async fn headers_must_say_what_the_body_says() {
    let Fixture { address, .. } = &Fixture::new().await;
    let call = Raw::modern("tools/call", json!({"name": "echo", "arguments": {"text": "hello"}}));
    for (what, request) in [
        ("another method", call.clone().header("Mcp-Method", "tools/list")),
        ("another case", call.clone().header("Mcp-Method", "Tools/Call")),
        ("no method", call.clone().without("Mcp-Method")),
        ("two methods", call.clone().more("Mcp-Method", "tools/call")),
        ("another name", call.clone().header("Mcp-Name", "blob")),
        ("another case of the name", call.clone().header("Mcp-Name", "Echo")),
        ("no name", call.clone().without("Mcp-Name")),
        ("bad Base64", call.clone().header("Mcp-Name", "=?base64?ZWNobw?=")),
        ("Base64 of another name", call.clone().header("Mcp-Name", "=?base64?YmxvYg==?=")),
        ("raw UTF-8", call.clone().header("Mcp-Name", "grüße")),
        ("no version", call.clone().without("MCP-Protocol-Version")),
        ("an older version", call.clone().header("MCP-Protocol-Version", "2025-11-25")),
        ("an unknown version", call.clone().header("MCP-Protocol-Version", "v999")),
        ("two versions", call.clone().more("MCP-Protocol-Version", "2026-07-28")),
    ] {
        let answer = request.send(*address).await;
        assert_eq!(answer.refusal(), (400, -32020), "{what}");
        if what != "two versions" {
            assert_eq!(answer.json()["id"], 7, "{what}");
        }
    }
    for request in [
        call.clone().header("Mcp-Name", "  echo  "),
        call.clone().header("Mcp-Name", "=?base64?ZWNobw==?="),
        call.clone().without("Mcp-Method").header("MCP-METHOD", "tools/call"),
        // 2026-07-28 has no sessions; an older client's header is ignored.
        call.clone().header("Mcp-Session-Id", "nonsense"),
    ] {
        assert_eq!(request.send(*address).await.json()["result"]["content"][0]["text"], "hello");
    }
}

#[tokio::test]
async fn a_name_outside_ascii_comes_in_base64() {
    let Fixture { address, .. } = &Fixture::new().await;
    let call = Raw::modern_call("grüße").header("Mcp-Name", "=?base64?Z3LDvMOfZQ==?=");
    assert_eq!(call.send(*address).await.json()["result"]["content"][0]["text"], "hallo");
}

#[tokio::test]
async fn what_meta_must_have_is_asked_for() {
    let Fixture { address, .. } = &Fixture::new().await;
    let body = |params| json!({"jsonrpc": "2.0", "id": 7, "method": "server/discover", "params": params});
    let version_alone = json!({"_meta": {META_VERSION: "2026-07-28"}});
    let capabilities_alone = json!({"_meta": {"io.modelcontextprotocol/clientCapabilities": {}}});
    for params in [json!({}), json!({"_meta": {}}), version_alone, capabilities_alone] {
        let request = Raw::modern("server/discover", json!({})).body(body(params.clone()).to_string());
        let answer = request.send(*address).await;
        assert_eq!(answer.refusal(), (400, -32602), "{params}");
        assert_eq!(answer.json()["id"], 7);
    }
    let mut without_info = modern_body(7, "server/discover", json!({}));
    without_info["params"]["_meta"].as_object_mut().unwrap().remove("io.modelcontextprotocol/clientInfo");
    let request = Raw::modern("server/discover", json!({})).body(without_info.to_string());
    assert_eq!(request.send(*address).await.status, 200);
}

#[tokio::test]
async fn an_unknown_version_is_answered_with_the_known_ones() {
    let Fixture { address, .. } = &Fixture::new().await;
    for version in ["v999.0.0", "2027-01-01", "1999-01-01"] {
        let mut body = modern_body(7, "tools/list", json!({}));
        body["params"]["_meta"][META_VERSION] = version.into();
        let request = Raw::modern("tools/list", json!({})).header("MCP-Protocol-Version", version);
        let answer = request.body(body.to_string()).send(*address).await;
        assert_eq!(answer.refusal(), (400, -32022), "{version}");
        assert_eq!(answer.json()["error"]["data"]["requested"], version);
        assert_eq!(answer.json()["error"]["data"]["supported"][0], "2026-07-28");
    }
    // A revision of the handshake era has no requests without a session.
    let mut body = modern_body(7, "tools/list", json!({}));
    body["params"]["_meta"][META_VERSION] = "2025-11-25".into();
    let request = Raw::modern("tools/list", json!({})).header("MCP-Protocol-Version", "2025-11-25");
    assert_eq!(request.body(body.to_string()).send(*address).await.refusal(), (400, -32022));
}

#[tokio::test]
async fn what_a_parameter_is_depends_on_the_method() {
    let Fixture { address, .. } = &Fixture::new().await;
    let strange = json!({"name": {"first": "A"}, "uri": 1, "taskId": []});
    // It is not there, but its parameters are not the reason.
    assert_eq!(Raw::modern("x/y", strange.clone()).send(*address).await.refusal(), (404, -32601));
    assert_eq!(Raw::modern("tools/list", strange.clone()).send(*address).await.status, 200);
    assert_eq!(Raw::modern("tools/call", strange).send(*address).await.refusal(), (400, -32602));
}

#[tokio::test]
async fn a_ping_is_of_no_revision_without_a_session() {
    let Fixture { address, .. } = &Fixture::new().await;
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": "ping"});
    let ping =
        Raw::post(body.to_string()).header("MCP-Protocol-Version", "2026-07-28").header("Mcp-Method", "ping");
    assert_eq!(ping.send(*address).await.refusal(), (400, -32602));
    assert_eq!(Raw::modern("ping", json!({})).send(*address).await.refusal(), (404, -32601));
}

#[tokio::test]
async fn a_method_that_the_revision_has_not_is_not_found() {
    let Fixture { address, .. } = &Fixture::new().await;
    for method in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "no/such/method"] {
        let answer = Raw::modern(method, json!({})).send(*address).await;
        assert_eq!(answer.refusal(), (404, -32601), "{method}");
        assert_eq!(answer.json()["id"], 7);
    }
}

#[tokio::test]
async fn what_a_tool_says_is_no_fault_of_http() {
    let Fixture { address, .. } = &Fixture::new().await;
    let unknown = Raw::modern_call("nobody").send(*address).await;
    assert_eq!(unknown.refusal(), (200, -32602));
    let panics = Raw::modern_call("panic").send(*address).await;
    assert_eq!(panics.refusal(), (200, -32603));
    assert!(!panics.text().contains("on purpose"));
    let bad_arguments = Raw::modern_call("echo").send(*address).await;
    assert_eq!(bad_arguments.json()["result"]["isError"], true);
}

#[tokio::test]
async fn ids_come_back_as_they_were() {
    let Fixture { address, .. } = &Fixture::new().await;
    for id in [json!("a \"quoted\" id"), json!(0), json!(-3), json!(9_007_199_254_740_993_i64), json!("7")] {
        let body = modern_body(id.clone(), "tools/list", json!({}));
        let answer = Raw::modern("tools/list", json!({})).body(body.to_string()).send(*address).await;
        assert_eq!(answer.json()["id"], id);
    }
}

#[tokio::test]
async fn notifications_and_answers_are_accepted() {
    let Fixture { address, .. } = &Fixture::new().await;
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    for body in [notification, answer] {
        let request = Raw::post(body).header("MCP-Protocol-Version", "2026-07-28");
        let response = request.send(*address).await;
        assert_eq!((response.status, response.body.len()), (202, 0));
        let unknown = request.header("MCP-Protocol-Version", "v999").send(*address).await;
        assert_eq!(unknown.refusal(), (400, -32022));
    }
}

#[tokio::test]
async fn progress_turns_the_response_into_events() {
    let Fixture { address, .. } = &Fixture::new().await;
    let answer = Raw::modern_call_with_progress("steps").send(*address).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let events = answer.events();
    assert_eq!(events.len(), 4, "{events:?}");
    for (at, event) in events[..3].iter().enumerate() {
        assert_eq!(event["method"], "notifications/progress");
        assert_eq!(event["params"]["progressToken"], "p");
        assert_eq!(event["params"]["progress"].as_f64(), Some(at as f64 + 1.0));
    }
    assert_eq!((&events[3]["id"], &events[3]["result"]["content"][0]["text"]), (&json!(7), &json!("done")));
    let quiet = Raw::modern_call("steps").send(*address).await;
    assert_eq!(quiet.json()["result"]["content"][0]["text"], "done");
}

#[tokio::test]
async fn events_arrive_before_the_answer_is_there() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let mut open = Raw::modern_call_with_progress("gate").open(*address).await;
    open.read_until("at the gate").await;
    seen.gate.notify_one();
    open.read_to_end().await;
    assert_eq!(open.response.events()[1]["result"]["content"][0]["text"], "through the gate");
}

#[tokio::test]
async fn the_client_says_in_which_form_it_takes_the_answer() {
    let Fixture { address, .. } = &Fixture::new().await;
    let json_only = Raw::modern_call_with_progress("steps").header("Accept", "application/json");
    assert_eq!(json_only.send(*address).await.json()["result"]["content"][0]["text"], "done");
    let events_only = Raw::modern("tools/list", json!({})).header("Accept", "text/event-stream");
    assert_eq!(events_only.send(*address).await.events()[0]["id"], 7);
    for anything in
        [Raw::modern_call("steps").without("Accept"), Raw::modern_call("steps").header("Accept", "*/*")]
    {
        assert_eq!(anything.send(*address).await.json()["id"], 7);
    }
    let neither = Raw::modern_call("steps").header("Accept", "text/html, application/json;q=0");
    assert_eq!(neither.send(*address).await.refusal(), (406, -32600));
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_request() {
    let Fixture { address, seen, .. } = &Fixture::new().await;
    let silent = Raw::modern_call("waits").start(*address).await;
    seen.started(1).await;
    drop(silent);
    seen.dropped(1).await;
    let mut streaming = Raw::modern_call_with_progress("gate").open(*address).await;
    streaming.read_until("at the gate").await;
    drop(streaming);
    seen.dropped(2).await;
}

#[tokio::test]
async fn a_slow_consumer_costs_a_bounded_buffer() {
    let Fixture { address, .. } = &Fixture::new().await;
    let answer = Raw::modern_call_with_progress("flood").send(*address).await;
    let events = answer.events();
    let taken: usize =
        events.last().unwrap()["result"]["content"][0]["text"].as_str().unwrap().parse().unwrap();
    assert_eq!(events.len(), taken + 1, "what was taken was sent");
    assert!((50..1000).contains(&taken), "{taken} notifications of 1 kB waited");
}

#[tokio::test]
async fn a_large_answer_arrives_whole() {
    let Fixture { address, .. } = &Fixture::new().await;
    let size = 3 << 20;
    let call = Raw::modern("tools/call", json!({"name": "blob", "arguments": {"size": size}}));
    let answer = call.send(*address).await.json();
    assert_eq!(answer["result"]["content"][0]["text"].as_str().unwrap().len(), size);
}

#[tokio::test]
async fn get_and_delete_are_not_for_the_stateless_era() {
    let Fixture { address, .. } = &Fixture::new().await;
    for method in ["GET", "DELETE"] {
        let request = Raw::new(method).header("Accept", "text/event-stream");
        for request in [request.clone(), request.clone().header("Mcp-Session-Id", "x")] {
            let modern = request.clone().header("MCP-Protocol-Version", "2026-07-28").send(*address).await;
            assert_eq!((modern.status, modern.header("allow")), (405, Some("POST")), "{method}");
            let unknown = request.header("MCP-Protocol-Version", "2099-01-01").send(*address).await;
            assert_eq!(unknown.refusal(), (400, -32022), "{method}");
        }
        for request in [request.clone(), request.header("MCP-Protocol-Version", "2025-11-25")] {
            assert_eq!(request.send(*address).await.refusal(), (400, -32600), "{method}");
        }
    }
    let put = Raw::new("PUT").send(*address).await;
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, POST, DELETE")));
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_said_to_be() {
    let limits = Limits::with(|it| it.message_bytes = 64 * 1024);
    let Fixture { address, .. } = &Fixture::with(limits, HttpOptions::default()).await;
    let call =
        |size| Raw::modern("tools/call", json!({"name": "echo", "arguments": {"text": "x".repeat(size)}}));
    assert_eq!(call(60 * 1024).send(*address).await.status, 200);
    for size in [64 * 1024, 8 << 20] {
        let answer = call(size).send(*address).await;
        assert_eq!(answer.refusal(), (413, -32600), "{size}");
        assert!(answer.text().contains("65536"), "{answer:?}");
    }
}
