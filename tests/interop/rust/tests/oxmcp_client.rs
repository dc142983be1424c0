//! The client of oxmcp calls a server made with rmcp: over stdio, and over HTTP with both kinds of answers, in both eras.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::process::Command as Program;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oxmcp::client::Target;
use oxmcp::model::{Content, Implementation};
use oxmcp::transport::Stderr;
use oxmcp::{Client, Command, ErrorKind, ProtocolVersion};
use oxmcp_interop::{AUDIO, IMAGE, PAGE_SIZE, RESOURCE, RMCP_TOOLS, RmcpHttp, RmcpServer};
use serde_json::json;

/// A server over each transport.
struct Servers {
    streams: RmcpHttp,
    json: RmcpHttp,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Transport {
    Stdio,
    HttpStream,
    HttpJson,
}

impl Servers {
    async fn start() -> Self {
        let listen = |json| RmcpHttp::listen(RmcpServer::default(), json);
        Self { streams: listen(false).await.unwrap(), json: listen(true).await.unwrap() }
    }

    fn target(&self, transport: Transport) -> Target {
        match transport {
            // It calls it an error that a client of the stateless era leaves without a handshake.
            Transport::Stdio => {
                Command::new(env!("CARGO_BIN_EXE_interop-rmcp-server")).stderr(Stderr::Null).into()
            }
            Transport::HttpStream => self.streams.url().into(),
            Transport::HttpJson => self.json.url().into(),
        }
    }
}

/// Runs a test with a client over each transport in each era.
async fn each_way(test: impl AsyncFn(Client, Transport)) {
    let servers = Servers::start().await;
    for transport in [Transport::Stdio, Transport::HttpStream, Transport::HttpJson] {
        for version in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28] {
            println!("{transport:?}, {version}");
            let client = Client::connect(servers.target(transport)).only(version).await.unwrap();
            assert_eq!(client.protocol_version(), version);
            test(client.clone(), transport).await;
            client.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_newest_revision_is_negotiated_by_default() {
    let servers = Servers::start().await;
    for transport in [Transport::Stdio, Transport::HttpStream, Transport::HttpJson] {
        let client = Client::connect(servers.target(transport)).await.unwrap();
        assert_eq!(client.protocol_version(), ProtocolVersion::V2026_07_28);
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_server_says_who_it_is() {
    each_way(async |client, _| {
        assert_eq!(client.server_info().name, "interop-rmcp");
        assert_eq!(client.server_info().version, "0.1.0");
        assert_eq!(client.instructions(), Some("Call the tools."));
        assert!(client.capabilities().tools.is_some());
        client.ping().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_client_says_who_it_is() {
    let servers = Servers::start().await;
    for version in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28] {
        let info = Implementation::new("somebody", "9");
        let target = servers.target(Transport::Stdio);
        let client = Client::connect(target).client_info(info).only(version).await.unwrap();
        assert_eq!(client.call_tool("who", json!({})).await.unwrap().joined_text(), "somebody");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn every_page_of_tools_is_listed() {
    each_way(async |client, _| {
        let names: Vec<String> =
            client.list_tools().await.unwrap().into_iter().map(|tool| tool.name).collect();
        assert_eq!(names, RMCP_TOOLS);
        let page = client.list_tools_page(None).await.unwrap();
        assert_eq!(page.tools.len(), PAGE_SIZE);
        let next = client.list_tools_page(page.next_cursor.as_deref()).await.unwrap();
        assert_eq!(next.tools[0].name, RMCP_TOOLS[PAGE_SIZE]);
    })
    .await;
}

#[tokio::test]
async fn content_of_every_kind_arrives() {
    each_way(async |client, _| {
        let sum = client.call_tool("add", json!({"a": 2, "b": 40})).await.unwrap();
        assert_eq!(sum.structured_content, Some(json!({"sum": 42})));
        assert_eq!(sum.joined_text(), r#"{"sum":42}"#);
        assert!(!sum.is_error);

        let shown = client.call_tool("show", json!({})).await.unwrap().content;
        assert_eq!(shown[0].as_text(), Some("text"));
        assert_eq!(shown[1], Content::image(IMAGE, "image/png"));
        assert_eq!(shown[2], Content::audio(AUDIO, "audio/wav"));
        let Content::Resource(block) = &shown[3] else { panic!("{:?} is no resource", shown[3]) };
        assert_eq!(block.resource.uri, RESOURCE.0);
        assert_eq!(block.resource.text.as_deref(), Some(RESOURCE.1));
        assert_eq!(shown.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn progress_comes_in_order_and_before_the_answer() {
    each_way(async |client, _| {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hearing = heard.clone();
        let counted = client.call_tool("count", json!({"to": 5})).on_progress(move |progress| {
            hearing.lock().unwrap().push((progress.progress, progress.total, progress.message));
        });
        assert_eq!(counted.await.unwrap().joined_text(), "counted to 5");
        let expected: Vec<_> =
            (1..=5).map(|step| (f64::from(step), Some(5.0), Some(format!("step {step}")))).collect();
        assert_eq!(*heard.lock().unwrap(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_tool_that_fails_answers_and_a_bad_call_is_an_error() {
    each_way(async |client, _| {
        let failed = client.call_tool("fail", json!({})).await.unwrap();
        assert!(failed.is_error);
        assert_eq!(failed.joined_text(), "it did not work");

        for (tool, arguments) in [("nothing", json!({})), ("add", json!({"a": "two"}))] {
            let error = client.call_tool(tool, arguments).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rpc, "{error}");
            assert_eq!(error.rpc().unwrap().code, -32602);
        }
    })
    .await;
}

#[tokio::test]
async fn dropping_a_call_cancels_it_at_the_server() {
    each_way(async |client, transport| {
        let naps = async || client.call_tool("naps", json!({})).await.unwrap().joined_text();
        let before = naps().await;
        let nap = tokio::spawn(client.call_tool("nap", json!({})).into_future());
        until(async || naps().await != before).await;
        nap.abort();
        if transport == Transport::HttpJson && client.protocol_version() == ProtocolVersion::V2025_11_25 {
            // Without a session, rmcp cannot tell which call a cancellation means.
            return;
        }
        let abandoned = |naps: &str| {
            let (begun, abandoned) = naps.split_once(" begun, ").unwrap();
            abandoned == format!("{begun} abandoned")
        };
        until(async || abandoned(&naps().await)).await;
    })
    .await;
}

#[tokio::test]
async fn a_call_without_an_answer_times_out_and_the_connection_lives_on() {
    each_way(async |client, _| {
        let patience = Duration::from_millis(100);
        let error = client.call_tool("nap", json!({})).timeout(patience).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        let sum = client.call_tool("add", json!({"a": 1, "b": 1})).await.unwrap();
        assert_eq!(sum.joined_text(), r#"{"sum":2}"#);
    })
    .await;
}

#[tokio::test]
async fn calls_in_flight_get_each_their_own_answer() {
    each_way(async |client, _| {
        let calls: Vec<_> = (0..64)
            .map(|number| {
                let call = client.call_tool("add", json!({"a": number, "b": 1000}));
                tokio::spawn(async move { (number, call.await.unwrap()) })
            })
            .collect();
        for call in calls {
            let (number, sum) = call.await.unwrap();
            assert_eq!(sum.structured_content, Some(json!({"sum": number + 1000})));
        }
    })
    .await;
}

#[tokio::test]
async fn closing_ends_the_child_process() {
    for version in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28] {
        // The shell tells its number, and then is the server.
        let told = std::env::temp_dir().join(format!("oxmcp-interop-{}-{version}", std::process::id()));
        let script = r#"echo $$ > "$1"; exec "$2""#;
        let command = Command::new("sh").args(["-c", script, "sh"]).arg(&told);
        let command = command.arg(env!("CARGO_BIN_EXE_interop-rmcp-server")).stderr(Stderr::Null);
        let client = Client::connect(command).only(version).await.unwrap();
        let number = std::fs::read_to_string(&told).unwrap();
        std::fs::remove_file(&told).unwrap();
        assert!(is_alive(number.trim()));
        client.close().await.unwrap();
        assert!(!is_alive(number.trim()));
    }
}

fn is_alive(process: &str) -> bool {
    Program::new("sh").args(["-c", "kill -0 \"$1\" 2>/dev/null", "sh", process]).status().unwrap().success()
}

/// Waits for what a server tells; not for ever, so that a failure is seen.
async fn until(mut told: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !told().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap();
}
