use oxmcp::server::{Arguments, schema};
use oxmcp::transport::{HttpOptions, HttpServer};
use oxmcp::{ErrorKind, Server, model};
use serde_json::{Value, json};

use crate::wire::Raw;

/// A server with a tool whose arguments are repeated in headers, and one without.
async fn listen() -> HttpServer {
    let input = json!({
        "type": "object",
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "dry": {"type": "boolean", "x-mcp-header": "Dry"},
            "page": {"type": "object", "properties": {"size": {"type": "integer", "x-mcp-header": "Page-Size"}}},
        },
    });
    let server = Server::new("headers", "1.0.0").tool("plain", "", |_: Arguments| async { "ok" });
    let tool = model::Tool::new("query", schema(input));
    server.add_tool(tool, Echo).unwrap();
    server.listen(HttpOptions::default()).await.unwrap()
}

struct Echo;

impl oxmcp::server::ToolHandler for Echo {
    fn call(
        &self,
        call: oxmcp::server::ToolCall,
    ) -> futures_util::future::BoxFuture<'static, Result<oxmcp::server::ToolOutput, oxmcp::server::ToolError>>
    {
        let text = call.arguments.as_str().to_owned();
        Box::pin(async move { oxmcp::server::IntoToolOutput::into_tool_output(text) })
    }
}

fn call(arguments: Value, headers: &[(&str, &str)]) -> Raw {
    let call = Raw::modern("tools/call", json!({"name": "query", "arguments": arguments}));
    headers.iter().fold(call, |call, (name, value)| call.header(&format!("Mcp-Param-{name}"), value))
}

#[tokio::test]
async fn headers_that_say_what_the_arguments_say_pass() {
    let server = listen().await;
    for (arguments, headers) in [
        (json!({}), &[][..]),
        (json!({"page": {}}), &[]),
        (json!({"region": "us-west1"}), &[("Region", "us-west1")]),
        (json!({"region": "us-west1"}), &[("REGION", "  us-west1  ")]),
        (json!({"region": "Hello"}), &[("Region", "=?base64?SGVsbG8=?=")]),
        (json!({"region": "SGVsbG8="}), &[("Region", "SGVsbG8=")]),
        (json!({"region": "=?base64?SGVsbG8="}), &[("Region", "=?base64?SGVsbG8=")]),
        (json!({"region": "Zürich"}), &[("Region", "=?base64?WsO8cmljaA==?=")]),
        (json!({"dry": true, "page": {"size": 42}}), &[("Dry", "true"), ("Page-Size", "42")]),
        (json!({"page": {"size": 42.0}}), &[("Page-Size", "42")]),
        (json!({"page": {"size": -7}}), &[("Page-Size", "-7.0")]),
        // Nobody declared it.
        (json!({}), &[("Other", "x")]),
    ] {
        let answer = call(arguments.clone(), headers).send(server.local_addr()).await;
        assert_eq!(answer.status, 200, "{arguments} {headers:?}: {answer:?}");
        assert_eq!(answer.json()["result"]["content"][0]["text"], arguments.to_string());
    }
    // `null` is repeated by no header; what else is wrong with it, the schema says.
    let null = call(json!({"region": null}), &[]).send(server.local_addr()).await;
    assert_eq!((null.status, &null.json()["result"]["isError"]), (200, &json!(true)));
    let plain = Raw::modern_call("plain").header("Mcp-Param-Region", "anything");
    assert_eq!(plain.send(server.local_addr()).await.status, 200);
}

#[tokio::test]
async fn headers_that_say_something_else_are_refused() {
    let server = listen().await;
    for (arguments, headers) in [
        (json!({"region": "us-west1"}), &[][..]),
        (json!({"region": "us-west1"}), &[("Region", "us-east1")]),
        (json!({"region": "us-west1"}), &[("Region", "US-WEST1")]),
        (json!({"region": "us-west1"}), &[("Region", "")]),
        (json!({}), &[("Region", "us-west1")]),
        (json!({"region": null}), &[("Region", "null")]),
        (json!({"region": "Hello"}), &[("Region", "=?base64?SGVsbG8?=")]),
        (json!({"region": "Hello"}), &[("Region", "=?base64?SGVs!!!bG8=?=")]),
        (json!({"region": "Zürich"}), &[("Region", "Zürich")]),
        (json!({"dry": true}), &[("Dry", "false")]),
        (json!({"dry": true}), &[("Dry", "True")]),
        (json!({"page": {"size": 42}}), &[("Page-Size", "43")]),
        (json!({"page": {"size": 42}}), &[("Page-Size", "0x2a")]),
        (json!({"page": {"size": 9_007_199_254_740_993_i64}}), &[("Page-Size", "9007199254740993")]),
        (json!({"region": {"a": 1}}), &[("Region", "{\"a\":1}")]),
    ] {
        let refused = call(arguments.clone(), headers).send(server.local_addr()).await;
        assert_eq!(refused.refusal(), (400, -32020), "{arguments} {headers:?}");
    }
    let twice = call(json!({"region": "a"}), &[("Region", "a")]).more("Mcp-Param-Region", "a");
    assert_eq!(twice.send(server.local_addr()).await.refusal(), (400, -32020));
}

#[tokio::test]
async fn a_schema_that_breaks_the_rules_is_a_misuse() {
    let input = json!({"type": "object", "properties": {"a": {"type": "number", "x-mcp-header": "A"}}});
    let refused = Server::new("s", "1").add_tool(model::Tool::new("t", schema(input)), Echo).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Misuse);
    assert!(refused.to_string().contains("x-mcp-header"), "{refused}");
}
