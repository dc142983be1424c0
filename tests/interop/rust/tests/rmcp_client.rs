//! The client of rmcp calls a server made with oxmcp: over stdio and HTTP, in both eras.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use oxmcp::transport::{HttpOptions, HttpServer};
use oxmcp_interop::{AUDIO, IMAGE, PAGE_SIZE, RESOURCE, TOOLS, oxmcp_server};
use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientConfig, ContentBlock,
    Implementation, PaginatedRequestParams, ProtocolVersion, ResourceContents,
};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt, RunningService, ServiceError,
};
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use serde_json::{Value, json};

type Client = RunningService<RoleClient, ClientConfig>;

#[derive(Clone, Copy, Debug)]
enum Transport {
    Stdio,
    Http,
}

const TRANSPORTS: [Transport; 2] = [Transport::Stdio, Transport::Http];

async fn listen() -> HttpServer {
    oxmcp_server().listen(HttpOptions::default()).await.unwrap()
}

async fn connect(
    transport: Transport,
    server: &HttpServer,
    lifecycle: ClientLifecycleMode,
) -> Result<Client, ClientInitializeError> {
    let client = ClientConfig::new(ClientCapabilities::default(), Implementation::new("somebody", "9"));
    match transport {
        Transport::Stdio => {
            let command = tokio::process::Command::new(env!("CARGO_BIN_EXE_interop-oxmcp-server"));
            let child = TokioChildProcess::new(command).unwrap();
            client.serve_with_lifecycle(child, lifecycle).await
        }
        Transport::Http => {
            let http = StreamableHttpClientTransport::from_uri(server.url());
            client.serve_with_lifecycle(http, lifecycle).await
        }
    }
}

/// Runs a test with a client over each transport in each era.
async fn each_way(test: impl AsyncFn(&Client)) {
    let server = listen().await;
    for transport in TRANSPORTS {
        let modern =
            ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
        for lifecycle in [ClientLifecycleMode::Initialize, modern] {
            println!("{transport:?}, {lifecycle:?}");
            let client = connect(transport, &server, lifecycle).await.unwrap();
            test(&client).await;
            client.cancel().await.unwrap();
        }
    }
}

async fn call(client: &Client, tool: &'static str, arguments: Value) -> Result<CallToolResult, ServiceError> {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await
}

fn text(result: &CallToolResult) -> &str {
    match &result.content[..] {
        [ContentBlock::Text(block)] => &block.text,
        other => panic!("{other:?} is not one text"),
    }
}

#[tokio::test]
async fn both_eras_agree_on_their_newest_revision() {
    let server = listen().await;
    for transport in TRANSPORTS {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        let auto = ClientLifecycleMode::Auto { preferred_versions, legacy_version: None };
        for (lifecycle, version) in [(ClientLifecycleMode::Initialize, "2025-11-25"), (auto, "2026-07-28")] {
            let client = connect(transport, &server, lifecycle).await.unwrap();
            assert_eq!(client.peer_info().unwrap().protocol_version.as_str(), version);
            client.cancel().await.unwrap();
        }
    }
}

#[tokio::test]
async fn both_sides_say_who_they_are() {
    each_way(async |client| {
        let server = client.peer_info().unwrap();
        assert_eq!(server.server_info.as_ref().unwrap().name, "interop-oxmcp");
        assert_eq!(server.instructions.as_deref(), Some("Call the tools."));
        assert_eq!(text(&call(client, "who", json!({})).await.unwrap()), "somebody");
    })
    .await;
}

#[tokio::test]
async fn every_page_of_tools_is_listed() {
    each_way(async |client| {
        let tools = client.list_all_tools().await.unwrap();
        let names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
        assert_eq!(names, TOOLS);
        assert_eq!(tools[0].input_schema["required"], json!(["a", "b"]));
        assert!(tools[0].output_schema.is_some());

        let page = client.list_tools(None).await.unwrap();
        assert_eq!(page.tools.len(), PAGE_SIZE);
        let next = PaginatedRequestParams::default().with_cursor(page.next_cursor);
        assert_eq!(client.list_tools(Some(next)).await.unwrap().tools[0].name, TOOLS[PAGE_SIZE]);
    })
    .await;
}

#[tokio::test]
async fn content_of_every_kind_arrives() {
    each_way(async |client| {
        let sum = call(client, "add", json!({"a": 2, "b": 40})).await.unwrap();
        assert_eq!(sum.structured_content, Some(json!({"sum": 42})));
        assert_eq!(text(&sum), r#"{"sum":42}"#);
        assert_ne!(sum.is_error, Some(true));

        let shown = call(client, "show", json!({})).await.unwrap().content;
        let resource = ResourceContents::text(RESOURCE.1, RESOURCE.0).with_mime_type("text/plain");
        let expected = [
            ContentBlock::text("text"),
            ContentBlock::image(IMAGE, "image/png"),
            ContentBlock::audio(AUDIO, "audio/wav"),
            ContentBlock::resource(resource),
        ];
        assert_eq!(shown, expected);
    })
    .await;
}

#[tokio::test]
async fn a_tool_that_fails_answers_and_a_bad_call_is_refused() {
    each_way(async |client| {
        let failed = call(client, "fail", json!({})).await.unwrap();
        assert_eq!(failed.is_error, Some(true));
        assert_eq!(text(&failed), "it did not work");

        let bad = call(client, "add", json!({"a": "two", "b": 2})).await.unwrap();
        assert_eq!(bad.is_error, Some(true));
        assert!(text(&bad).contains("invalid arguments"), "{}", text(&bad));

        match call(client, "nothing", json!({})).await.unwrap_err() {
            ServiceError::McpError(error) => assert_eq!(error.code.0, -32602),
            other => panic!("{other}"),
        }
    })
    .await;
}

#[tokio::test]
async fn calls_in_flight_get_each_their_own_answer() {
    each_way(async |client| {
        let calls: Vec<_> = (0..64)
            .map(|number| {
                let peer = client.peer().clone();
                let arguments = json!({"a": number, "b": 1000}).as_object().cloned().unwrap();
                tokio::spawn(async move {
                    let add = CallToolRequestParams::new("add").with_arguments(arguments);
                    match peer.call_tool_once(add).await.unwrap() {
                        CallToolResponse::Complete(sum) => (number, sum.structured_content),
                        other => panic!("{other:?}"),
                    }
                })
            })
            .collect();
        for call in calls {
            let (number, sum) = call.await.unwrap();
            assert_eq!(sum, Some(json!({"sum": number + 1000})));
        }
    })
    .await;
}
