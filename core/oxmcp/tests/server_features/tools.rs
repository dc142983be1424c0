use oxmcp::model::{Icon, ToolAnnotations};
use oxmcp::server::{Arguments, CachePolicy, Json, List, tool};
use oxmcp::{Method, ProtocolVersion, RawJson, Server};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{ERAS, call, connect, refused};

#[derive(Serialize, JsonSchema)]
struct Sum {
    /// The sum.
    sum: i64,
}

/// Keywords of every kind, in an order that no program would give them.
const SCHEMA: &str = r##"{"type":"object","$schema":"https://json-schema.org/draft/2020-12/schema","properties":{"z":{"$ref":"#/$defs/z"},"a":{"type":"string"}},"$defs":{"z":{"$anchor":"zed","type":"integer"}},"required":["z"],"allOf":[{"anyOf":[{"required":["a"]},{"required":["z"]}]}],"if":{"required":["a"]},"then":{"required":["z"]},"else":{},"additionalProperties":false}"##;

#[tokio::test]
async fn a_tool_says_all_that_is_said_of_it() {
    let icon = Icon { src: "https://example.com/i.png".into(), ..Icon::default() };
    let server = Server::new("test", "1")
        .with(
            tool("sum", || async { Json(Sum { sum: 3 }) })
                .title("Sum")
                .description("Adds.")
                .read_only()
                .idempotent()
                .icon(icon)
                .meta("example.com/x", 1),
        )
        .with(tool("rm", || async { "" }).destructive())
        .with(
            tool("web", || async { "" })
                .destructive()
                .annotations(ToolAnnotations { open_world_hint: Some(true), ..ToolAnnotations::default() }),
        );
    for version in ERAS {
        let listed = call(&connect(&server, version).await, Method::ListTools, json!({})).await.unwrap();
        let sum = &listed["tools"][0];
        assert_eq!((&sum["title"], &sum["description"]), (&json!("Sum"), &json!("Adds.")));
        assert_eq!(sum["annotations"], json!({"readOnlyHint": true, "idempotentHint": true}));
        assert_eq!(sum["icons"], json!([{"src": "https://example.com/i.png"}]));
        assert_eq!(sum["_meta"], json!({"example.com/x": 1}));
        assert_eq!(sum["outputSchema"]["properties"]["sum"]["description"], "The sum.");
        assert_eq!(listed["tools"][1]["annotations"], json!({"destructiveHint": true}));
        assert_eq!(listed["tools"][2]["annotations"], json!({"openWorldHint": true}));
    }
}

#[tokio::test]
async fn a_schema_is_shown_as_it_is_written_and_holds() {
    let schema = RawJson::parse(SCHEMA.as_bytes()).unwrap();
    let server = Server::new("test", "1").with(
        tool("free", |_: Arguments| async { "fine" }).input_schema(schema.clone()).output_schema(schema),
    );
    for version in ERAS {
        let client = connect(&server, version).await;
        let listed =
            client.call(oxmcp::client::Call::new(Method::ListTools, RawJson::empty_object())).await.unwrap();
        assert_eq!(listed.as_str().matches(SCHEMA).count(), 2, "{listed:?}");
        for wrong in [json!({"z": "one"}), json!({"z": 1, "b": 1}), json!({})] {
            let result =
                call(&client, Method::CallTool, json!({"name": "free", "arguments": wrong})).await.unwrap();
            assert_eq!(result["isError"], true, "{result}");
        }
        // It promises a structure, and gives none.
        assert_eq!(
            refused(&client, Method::CallTool, json!({"name": "free", "arguments": {"z": 1}})).await.0,
            -32603
        );
    }
}

#[tokio::test]
async fn a_list_of_tools_is_hinted_and_hidden_as_the_program_says() {
    let server = Server::new("test", "1")
        .cache_list(List::Tools, CachePolicy::public(std::time::Duration::from_millis(1500)))
        .tool("a", "A.", || async { "a" })
        .tool("b", "B.", || async { "b" });
    let client = connect(&server, ProtocolVersion::V2026_07_28).await;
    let listed = call(&client, Method::ListTools, json!({})).await.unwrap();
    assert_eq!((&listed["ttlMs"], &listed["cacheScope"]), (&json!(1500), &json!("public")));
    assert!(server.disable_tool("a") && !server.disable_tool("a"));
    assert_eq!(refused(&client, Method::CallTool, json!({"name": "a"})).await.0, -32602);
    assert!(server.enable_tool("a") && !server.enable_tool("c"));
    let called = call(&client, Method::CallTool, json!({"name": "a"})).await.unwrap();
    assert_eq!(called["content"][0]["text"], "a");
}
