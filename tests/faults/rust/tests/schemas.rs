use oxmcp::server::{Arguments, schema, tool};
use oxmcp::{Client, ErrorKind, ProtocolVersion, Server};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// Matching it by trying takes longer than the world is old, and a name that is given twice as often takes twice as long again.
const SLOW_PATTERN: &str = "^(a+)+$";

/// A schema that refers to the next twice, and so on: checking it part by part never ends.
fn bomb() -> Value {
    let link = |at: usize| json!({"allOf": [{"$ref": format!("#/$defs/d{at}")}, {"$ref": format!("#/$defs/d{at}")}]});
    let mut definitions: Map<String, Value> = (0..100).map(|at| (format!("d{at}"), link(at + 1))).collect();
    definitions.insert("d100".to_owned(), json!({"type": "object"}));
    json!({"type": "object", "$defs": definitions, "allOf": [{"$ref": "#/$defs/d0"}]})
}

/// Schemas that a client meets, and what becomes of a call whose result is to be checked: it is taken as it is where the schema is refused.
fn schemas() -> Vec<(&'static str, Value, Option<ErrorKind>)> {
    let text = |pattern: &str| json!({"type": "object", "properties": {"text": {"type": "string", "pattern": pattern}}});
    vec![
        ("bomb", bomb(), None),
        ("slow", text(SLOW_PATTERN), Some(ErrorKind::Protocol)),
        ("large", text("(((a{1,100}){1,100}){1,100}){1,100}"), None),
        ("elsewhere", json!({"type": "object", "$ref": "http://127.0.0.1:9/schema"}), None),
        ("circle", json!({"type": "object", "allOf": [{"$ref": "#"}]}), None),
    ]
}

/// What nothing that can be told at a glance decides.
fn text() -> String {
    "a".repeat(100_000) + "!"
}

/// Serves tools with these schemas, by hand: a server of ours would not have them.
async fn serve(stream: DuplexStream) {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let request: Value = serde_json::from_str(&line).unwrap();
        let result = match request["method"].as_str().unwrap() {
            "tools/list" => {
                let tool = |(name, schema, _)| json!({"name": name, "inputSchema": {"type": "object"}, "outputSchema": schema});
                json!({"tools": Value::from_iter(schemas().into_iter().map(tool))})
            }
            "tools/call" => json!({"content": [], "structuredContent": {"text": text()}}),
            "notifications/initialized" => continue,
            _ => json!({
                "protocolVersion": request["params"]["protocolVersion"],
                "supportedVersions": ["2026-07-28"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "schemas", "version": "0"},
            }),
        };
        let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": result});
        writer.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn no_schema_of_a_server_holds_its_client_up() {
    for version in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28] {
        let (ours, theirs) = tokio::io::duplex(4096);
        let serving = tokio::spawn(serve(theirs));
        let client = Client::connect(tokio::io::split(ours)).only(version).await.unwrap();
        assert_eq!(client.list_tools().await.unwrap().len(), schemas().len());
        for (name, _, fails) in schemas() {
            let called = client.call_tool(name, json!({})).await;
            assert_eq!(called.as_ref().err().map(oxmcp::Error::kind), fails, "{name}: {called:.200?}");
        }
        client.close().await.unwrap();
        serving.await.unwrap();
    }
}

#[tokio::test]
async fn no_arguments_of_a_client_hold_its_server_up() {
    let arguments =
        json!({"type": "object", "properties": {"text": {"type": "string", "pattern": SLOW_PATTERN}}});
    let server = Server::new("schemas", "0")
        .with(tool("slow", |_: Arguments| async { "done" }).input_schema(schema(arguments)));
    for version in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28] {
        let client = Client::connect(server.clone()).only(version).await.unwrap();
        let called = client.call_tool("slow", json!({"text": text()})).await.unwrap();
        assert!(called.is_error && called.joined_text().contains("text"), "{}", called.joined_text());
        let called = client.call_tool("slow", json!({"text": "aaa"})).await.unwrap();
        assert_eq!(called.joined_text(), "done");
    }
}
