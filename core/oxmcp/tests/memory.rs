//! A client and a server in one process: what calls come to, in both eras.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::TryStreamExt;
use oxmcp::client::Call;
use oxmcp::model::{Content, Progress};
use oxmcp::server::{Json, ToolError};
use oxmcp::{Client, Context, ErrorKind, Method, ProtocolVersion, RawJson, Server};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

const ERAS: [ProtocolVersion; 2] = [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];

fn server() -> Server {
    Server::new("test", "1.2.3")
        .instructions("Be gentle.")
        .tool("add", "Add.", |Add { a, b }: Add| async move { Json(Sum { sum: a + b }) })
        .tool("fail", "Fail.", || async { Err::<String, _>(ToolError::failed("no luck")) })
        .tool("panic", "Panic.", || async { if true { panic!("secret words") } else { "never" } })
        .tool("sleep", "Sleep for ever.", || async { std::future::pending::<()>().await })
        .tool("count", "Count to three.", |_: oxmcp::server::Arguments, ctx: Context| async move {
            for step in 1..=3 {
                ctx.progress(f64::from(step), Some(3.0), Some("counting"));
                tokio::task::yield_now().await;
            }
            vec![Content::text("done"), Content::image("aGk=", "image/png")]
        })
}

#[tokio::test]
async fn both_eras_know_who_they_talk_to() {
    for version in ERAS {
        let client = Client::connect(server()).only(version).await.unwrap();
        assert_eq!(client.protocol_version(), version);
        assert_eq!(
            (client.server_info().name.as_str(), client.server_info().version.as_str()),
            ("test", "1.2.3")
        );
        assert_eq!(client.instructions(), Some("Be gentle."));
        client.ping().await.unwrap();
    }
    assert_eq!(Client::connect(server()).await.unwrap().protocol_version(), ProtocolVersion::LATEST);
}

#[tokio::test]
async fn tools_are_listed_over_pages_in_their_order() {
    for version in ERAS {
        let client = Client::connect(server().page_size(2)).only(version).await.unwrap();
        let names: Vec<String> =
            client.list_tools().await.unwrap().into_iter().map(|tool| tool.name).collect();
        assert_eq!(names, ["add", "fail", "panic", "sleep", "count"]);
        let streamed: Vec<String> =
            client.list_tools().stream().map_ok(|tool| tool.name).try_collect().await.unwrap();
        assert_eq!(streamed, names);
        assert_eq!(client.list_tools_page(Some("?")).await.unwrap_err().rpc().unwrap().code, -32602);
    }
}

#[tokio::test]
async fn a_tool_answers_with_structure_and_text() {
    for version in ERAS {
        let client = Client::connect(server()).only(version).await.unwrap();
        let result = client.call_tool("add", json!({"a": 1, "b": 2})).await.unwrap();
        assert_eq!(result.structured_content, Some(json!({"sum": 3})));
        assert_eq!(result.joined_text(), r#"{"sum":3}"#);
        assert!(!result.is_error);
    }
}

#[tokio::test]
async fn what_goes_wrong_has_a_type() {
    for version in ERAS {
        let client = Client::connect(server()).only(version).await.unwrap();
        let unknown = client.call_tool("nothing", json!({})).await.unwrap_err();
        assert_eq!((unknown.kind(), unknown.rpc().unwrap().code), (ErrorKind::Rpc, -32602));
        let invalid = client.call_tool("add", json!({"a": "one"})).await.unwrap();
        assert!(
            invalid.is_error && invalid.joined_text().contains("invalid arguments"),
            "{}",
            invalid.joined_text()
        );
        let failed = client.call_tool("fail", json!({})).await.unwrap();
        assert_eq!((failed.is_error, failed.joined_text()), (true, "no luck".to_owned()));
        let panicked = client.call_tool("panic", json!({})).await.unwrap_err();
        assert_eq!(panicked.rpc().unwrap().code, -32603);
        assert!(!panicked.to_string().contains("secret"));
        let silent =
            client.call_tool("sleep", json!({})).timeout(Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(silent.kind(), ErrorKind::Timeout);
        client.ping().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_said_of_wrong_arguments_is_short_however_long_they_are() {
    let client = Client::connect(server()).await.unwrap();
    let refused = client.call_tool("add", json!({"a": "x".repeat(1 << 20), "b": 1})).await.unwrap();
    let text = refused.joined_text();
    assert!(refused.is_error && text.contains("integer") && text.contains("/a"), "{text:.100}");
    assert!(text.len() < 2048, "{} bytes", text.len());
}

#[tokio::test]
async fn progress_is_heard_before_the_answer() {
    for version in ERAS {
        let client = Client::connect(server()).only(version).await.unwrap();
        let heard: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let hear = heard.clone();
        let result = client
            .call_tool("count", json!({}))
            .on_progress(move |progress| hear.lock().unwrap().push(progress))
            .await
            .unwrap();
        assert_eq!(result.content.len(), 2);
        let heard: Vec<f64> = heard.lock().unwrap().iter().map(|progress| progress.progress).collect();
        assert_eq!(heard, [1.0, 2.0, 3.0]);
    }
}

/// Says when it is dropped.
struct Told(mpsc::UnboundedSender<&'static str>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_or_times_out_stops_the_handler() {
    for version in ERAS {
        let (tell, mut told) = mpsc::unbounded_channel();
        let server = Server::new("test", "1").tool("wait", "Wait.", move || {
            tell.send("started").unwrap();
            let guard = Told(tell.clone());
            async move {
                std::future::pending::<()>().await;
                drop(guard);
            }
        });
        let client = Client::connect(server).only(version).await.unwrap();
        // The server takes what it is sent in order, so it has long heard of the end of the call when it has answered so often.
        let mut stopped = async || {
            for _ in 0..1000 {
                if let Ok(what) = told.try_recv() {
                    return what;
                }
                client.ping().await.unwrap();
            }
            "it goes on"
        };
        let mut call = client.call_tool("wait", json!({})).into_future();
        assert!(futures_util::poll!(&mut call).is_pending());
        assert_eq!(stopped().await, "started");
        drop(call);
        assert_eq!(stopped().await, "dropped");
        let timed_out = client.call_tool("wait", json!({})).timeout(Duration::from_millis(20)).await;
        assert_eq!(timed_out.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!((stopped().await, stopped().await), ("started", "dropped"));
    }
}

#[tokio::test]
async fn close_settles_what_is_in_flight() {
    for version in ERAS {
        let client = Client::connect(server()).only(version).await.unwrap();
        let waiting = tokio::spawn(client.call_tool("sleep", json!({})).into_future());
        tokio::task::yield_now().await;
        client.close().await.unwrap();
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(client.ping().await.unwrap_err().kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn tools_come_and_go_while_the_server_runs() {
    let server = server();
    let client = Client::connect(server.clone()).await.unwrap();
    assert!(server.remove_tool("add") && !server.remove_tool("add"));
    assert!(client.call_tool("add", json!({"a": 1, "b": 2})).await.is_err());
    assert_eq!(client.list_tools().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_thousand_calls_at_once_all_settle() {
    let client = Client::connect(server()).await.unwrap();
    let calls =
        (0..1000).map(|n| tokio::spawn(client.call_tool("add", json!({"a": n, "b": n})).into_future()));
    for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap().structured_content, Some(json!({"sum": 2 * n})));
    }
}

#[tokio::test]
async fn a_stateless_server_gets_no_answers() {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let connecting = tokio::spawn(Client::connect(tokio::io::split(ours)).into_future());
    let (reader, mut writer) = tokio::io::split(theirs);
    let mut lines = tokio::io::BufReader::new(reader).lines();
    let mut asked = async || -> serde_json::Value {
        serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap()
    };
    let mut answer = async |id: &serde_json::Value, result: serde_json::Value| {
        let ping = json!({"jsonrpc": "2.0", "id": "p", "method": "ping"});
        let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
        writer.write_all(format!("{ping}\n{answer}\n").as_bytes()).await.unwrap();
    };

    // Until the era is known, a ping may come from a server that knows no other.
    let probe = asked().await;
    answer(&probe["id"], json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})).await;
    assert_eq!(asked().await, json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
    let client = connecting.await.unwrap().unwrap();

    for _ in 0..2 {
        let listing = tokio::spawn({
            let client = client.clone();
            async move { client.list_tools().await }
        });
        let request = asked().await;
        assert_eq!(request["method"], "tools/list");
        answer(&request["id"], json!({"tools": []})).await;
        assert!(listing.await.unwrap().unwrap().is_empty());
    }
}

#[tokio::test]
async fn parameters_that_are_no_object_are_a_misuse_of_the_caller() {
    for version in ERAS {
        let client = Client::connect(server()).only(version).await.unwrap();
        for params in [json!([]), json!(null), json!({"name": "add", "_meta": 1})] {
            let call = Call::new(Method::CallTool, RawJson::of(&params).unwrap());
            assert_eq!(client.call(call.clone()).await.unwrap_err().kind(), ErrorKind::Misuse, "{params}");
            let (sender, receiver) = tokio::sync::oneshot::channel();
            client.start(call, |outcome| drop(sender.send(outcome)));
            assert_eq!(receiver.await.unwrap().unwrap_err().kind(), ErrorKind::Misuse, "{params}");
        }
        let params = json!({"name": "add", "arguments": {"a": 1, "b": 2}, "_meta": null});
        client.call(Call::new(Method::CallTool, RawJson::of(&params).unwrap())).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_is_sent_back_what_it_says_talks_to_no_server() {
    for version in ERAS.map(Some).into_iter().chain([None]) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (mut reader, mut writer) = tokio::io::split(theirs);
        tokio::spawn(async move { tokio::io::copy(&mut reader, &mut writer).await });
        let connecting = Client::connect(tokio::io::split(ours));
        let connecting = version.into_iter().fold(connecting, |connecting, version| connecting.only(version));
        let error = connecting.await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_run()), (ErrorKind::Protocol, false), "{error}");
        assert!(error.to_string().contains("sends back what it is sent"), "{error}");
    }
}

#[tokio::test]
async fn an_argument_of_a_prompt_that_is_no_string_is_a_misuse_that_names_it() {
    let client = Client::connect(server()).await.unwrap();
    for arguments in [json!({"topic": "x", "words": 5}), json!({"words": null})] {
        let error = client.get_prompt("any", arguments).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
        assert!(error.to_string().contains("\"words\""), "{error}");
    }
    // What the server does not have is not asked for either, but that is another matter.
    for arguments in [json!({"words": "5"}), json!(null)] {
        assert_eq!(client.get_prompt("any", arguments).await.unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
