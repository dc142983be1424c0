//! A client and a server over a stream, each against lines that a test writes by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use oxmcp::client::Call;
use oxmcp::{Client, Command, ErrorKind, Limits, Method, ProtocolVersion, RawJson, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};
use tokio::sync::{Semaphore, oneshot};

/// The other end of a stream, by hand.
struct Peer {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
}

impl Peer {
    fn new(stream: DuplexStream) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { lines: BufReader::new(reader).lines(), writer }
    }

    /// The next line; `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        let line = self.lines.next_line().await.unwrap()?;
        Some(serde_json::from_str(&line).unwrap())
    }

    async fn receive(&mut self) -> Value {
        self.next().await.expect("the stream is at its end")
    }

    async fn send(&mut self, message: &Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn answer(&mut self, request: &Value, result: Value) {
        self.send(&answer(request, result)).await;
    }
}

fn answer(request: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
}

/// A client that is connected to a server by hand.
async fn client_of(version: ProtocolVersion, capabilities: Value, limits: Limits) -> (Client, Peer) {
    let (ours, theirs) = tokio::io::duplex(1024);
    let mut peer = Peer::new(theirs);
    let connect = Client::connect(tokio::io::split(ours)).only(version).limits(limits);
    let greet = async {
        let request = peer.receive().await;
        let info = json!({"name": "by hand", "version": "1"});
        let result = json!({"protocolVersion": version.as_str(), "supportedVersions": [version.as_str()],
            "capabilities": capabilities, "serverInfo": info, "resultType": "complete"});
        peer.answer(&request, result).await;
        if request["method"] == "initialize" {
            assert_eq!(peer.receive().await["method"], "notifications/initialized");
        }
    };
    let (client, ()) = tokio::join!(connect.into_future(), greet);
    (client.unwrap(), peer)
}

async fn client_with_tools(version: ProtocolVersion, limits: Limits) -> (Client, Peer) {
    client_of(version, json!({"tools": {}}), limits).await
}

/// Answers each page of `tools/list` with one tool and the cursor that `next` gives for that of the request.
fn serve_pages(mut peer: Peer, next: impl Fn(Option<&str>) -> Option<String> + Send + 'static) {
    tokio::spawn(async move {
        while let Some(request) = peer.next().await {
            if request["method"] == "tools/list" {
                let cursor = next(request["params"]["cursor"].as_str());
                let tool = json!({"name": "tool", "inputSchema": {"type": "object"}});
                peer.answer(&request, json!({"tools": [tool], "nextCursor": cursor})).await;
            }
        }
    });
}

fn list_tools() -> Call {
    Call::new(Method::ListTools, RawJson::empty_object())
}

#[tokio::test]
async fn pages_that_go_in_circles_are_an_error() {
    let (client, peer) = client_with_tools(ProtocolVersion::V2025_11_25, Limits::default()).await;
    serve_pages(peer, |cursor| {
        let next = match cursor {
            None => "into the circle",
            Some("into the circle" | "c") => "a",
            Some("a") => "b",
            Some(_) => "c",
        };
        Some(next.to_owned())
    });
    let listed = client.list_all(list_tools()).await.unwrap_err();
    let streamed = client.list_tools().stream().try_collect::<Vec<_>>().await.unwrap_err();
    for error in [listed, streamed] {
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.to_string().contains("in circles"), "{error}");
    }
}

#[tokio::test]
async fn a_list_of_too_many_pages_is_an_error() {
    let limits = Limits::with(|it| it.list_pages = 5);
    let (client, peer) = client_with_tools(ProtocolVersion::V2025_11_25, limits).await;
    serve_pages(peer, |cursor| Some(format!("{}x", cursor.unwrap_or_default())));
    assert_eq!(client.list_all(list_tools()).await.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(
        client.list_tools().stream().try_collect::<Vec<_>>().await.unwrap_err().kind(),
        ErrorKind::TooLarge
    );
}

#[tokio::test]
async fn a_list_of_as_many_pages_as_it_may_have_is_read() {
    let limits = Limits::with(|it| it.list_pages = 5);
    let (client, peer) = client_with_tools(ProtocolVersion::V2025_11_25, limits).await;
    serve_pages(peer, |cursor| {
        let next = format!("{}x", cursor.unwrap_or_default());
        (next.len() < 5).then_some(next)
    });
    assert_eq!(client.list_tools().await.unwrap().len(), 5);
    assert_eq!(client.list_tools().stream().try_collect::<Vec<_>>().await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_list_of_too_many_bytes_is_an_error() {
    let limits = Limits::with(|it| it.list_bytes = 1000);
    let (client, peer) = client_with_tools(ProtocolVersion::V2025_11_25, limits).await;
    serve_pages(peer, |cursor| Some(format!("{}x", cursor.unwrap_or_default())));
    assert_eq!(client.list_all(list_tools()).await.unwrap_err().kind(), ErrorKind::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn all_pages_together_have_one_time() {
    let (client, mut peer) = client_with_tools(ProtocolVersion::V2025_11_25, Limits::default()).await;
    tokio::spawn(async move {
        while let Some(request) = peer.next().await {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let cursor = format!("{}x", request["params"]["cursor"].as_str().unwrap_or_default());
            peer.answer(&request, json!({"tools": [], "nextCursor": cursor})).await;
        }
    });
    let listed = client.list_all(list_tools().max_timeout(Duration::from_millis(3500))).await.unwrap_err();
    assert_eq!(listed.kind(), ErrorKind::Timeout);
    assert!(listed.to_string().contains("all pages"), "{listed}");
}

#[tokio::test]
async fn a_call_needs_the_capability_that_the_method_table_names() {
    let call = |method| Call::new(method, RawJson::empty_object());
    let (client, _peer) = client_of(
        ProtocolVersion::V2025_11_25,
        json!({"resources": {"subscribe": false}}),
        Limits::default(),
    )
    .await;
    for (method, capability) in [
        (Method::ListTools, "`tools`"),
        (Method::ListPrompts, "`prompts`"),
        (Method::Complete, "`completions`"),
        (Method::SetLogLevel, "`logging`"),
        (Method::SubscribeResource, "`resources.subscribe`"),
    ] {
        let error = client.call(call(method)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(capability), "{error}");
    }
    for method in [Method::ListRoots, Method::Progress, Method::ResourceUpdated] {
        assert_eq!(client.call(call(method)).await.unwrap_err().kind(), ErrorKind::Misuse);
    }
}

#[tokio::test]
async fn completion_needs_no_capability_where_there_is_none() {
    let (client, mut peer) =
        client_of(ProtocolVersion::V2024_11_05, json!({"tools": {}}), Limits::default()).await;
    let call = client.call(Call::new(Method::Complete, RawJson::empty_object()));
    let serve = async {
        let request = peer.receive().await;
        peer.answer(&request, json!({"completion": {"values": []}})).await;
    };
    let (completed, ()) = tokio::join!(call, serve);
    assert!(completed.unwrap().is_object());
}

#[tokio::test]
async fn a_client_of_2025_03_26_takes_batches_and_answers_requests_in_one() {
    let (client, mut peer) = client_with_tools(ProtocolVersion::V2025_03_26, Limits::default()).await;
    let calls = [1, 2].map(|_| tokio::spawn(client.call_tool("echo", json!({})).into_future()));
    let (first, second) = (peer.receive().await, peer.receive().await);
    let ping = |id| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    let log =
        json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": 1}});
    let result = |text| json!({"content": [{"type": "text", "text": text}]});
    peer.send(&json!([ping("a"), log, answer(&first, result("first")), ping("b")])).await;
    assert_eq!(
        peer.receive().await,
        json!([{"jsonrpc": "2.0", "id": "a", "result": {}}, {"jsonrpc": "2.0", "id": "b", "result": {}}])
    );
    peer.send(&json!([answer(&second, result("second"))])).await;
    let mut texts = Vec::new();
    for call in calls {
        texts.push(call.await.unwrap().unwrap().joined_text());
    }
    texts.sort();
    assert_eq!(texts, ["first", "second"]);
}

#[tokio::test]
async fn a_client_of_another_revision_takes_no_batch() {
    let (client, mut peer) = client_with_tools(ProtocolVersion::V2025_06_18, Limits::default()).await;
    let call = tokio::spawn(client.call_tool("echo", json!({})).into_future());
    let request = peer.receive().await;
    peer.send(&json!([answer(&request, json!({"content": []}))])).await;
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_server_of_2025_03_26_answers_a_batch_with_a_batch() {
    let (go, gone) = oneshot::channel::<()>();
    let gone = std::sync::Mutex::new(Some(gone));
    let server = Server::new("test", "1").tool("wait", "Wait.", move || {
        let gone = gone.lock().unwrap().take();
        async move {
            gone.unwrap().await.unwrap();
            "waited"
        }
    });
    let (ours, theirs) = tokio::io::duplex(1024);
    let mut peer = Peer::new(theirs);
    let (reader, writer) = tokio::io::split(ours);
    let served = tokio::spawn(async move { server.serve(reader, writer).await });
    let info = json!({"name": "by hand", "version": "1"});
    let params = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": info});
    peer.send(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})).await;
    assert_eq!(peer.receive().await["result"]["protocolVersion"], "2025-03-26");
    peer.send(&json!([
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "wait"}},
        5,
        {"jsonrpc": "2.0", "id": 2, "method": "ping"},
    ]))
    .await;
    // What does not belong to the batch does not wait for it.
    peer.send(&json!({"jsonrpc": "2.0", "id": 3, "method": "ping"})).await;
    assert_eq!(peer.receive().await["id"], 3);
    go.send(()).unwrap();
    let answers = peer.receive().await;
    assert_eq!([&answers[0]["error"]["code"], &answers[0]["id"]], [&json!(-32600), &Value::Null]);
    assert_eq!(answers[1], json!({"jsonrpc": "2.0", "id": 2, "result": {}}));
    assert_eq!(answers[2]["result"]["content"][0]["text"], "waited");
    peer.send(&json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}])).await;
    peer.send(&json!({"jsonrpc": "2.0", "id": 4, "method": "ping"})).await;
    assert_eq!(peer.receive().await["id"], 4);
    drop(peer);
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_breaks_its_request_hears_of_it() {
    let (_client, mut peer) = client_with_tools(ProtocolVersion::V2025_11_25, Limits::default()).await;
    peer.send(&json!({"jsonrpc": "2.0", "id": 7, "method": "ping", "params": [1]})).await;
    let refused = peer.receive().await;
    assert_eq!([&refused["id"], &refused["error"]["code"]], [&json!(7), &json!(-32600)]);
}

#[tokio::test]
async fn a_stateless_server_hears_of_nothing_that_it_breaks() {
    let limits = Limits::with(|it| it.message_bytes = 4096);
    let (client, mut peer) = client_with_tools(ProtocolVersion::V2026_07_28, limits).await;
    peer.send(&json!({"jsonrpc": "2.0", "id": 7, "method": "ping", "params": [1]})).await;
    peer.send(&json!({"jsonrpc": "2.0", "id": 8, "method": "ping", "params": {"long": "x".repeat(8192)}}))
        .await;
    let call = tokio::spawn(client.call_tool("echo", json!({})).into_future());
    let next = peer.receive().await;
    assert_eq!(next["method"], "tools/call");
    peer.answer(&next, json!({"content": []})).await;
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answers_is_given_up() {
    let (ours, theirs) = tokio::io::duplex(1024);
    let release = Arc::new(Semaphore::new(0));
    let (begun, mut beginnings) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::new("s", "1").limits(Limits::with(|it| it.unsent_bytes = 2 << 20));
    let server = server.tool("large", "Waits, then says much.", {
        let release = release.clone();
        move || {
            begun.send(()).unwrap();
            let release = release.clone();
            async move {
                release.acquire().await.unwrap().forget();
                "x".repeat(1 << 20)
            }
        }
    });
    let (reader, writer) = tokio::io::split(theirs);
    let served = tokio::spawn(async move { server.serve(reader, writer).await });
    let mut peer = Peer::new(ours);
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}});
    for id in 0..4 {
        let params = json!({"name": "large", "_meta": meta});
        peer.send(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})).await;
        beginnings.recv().await.unwrap();
    }
    // The first answer is on its way and fills the pipe; the others wait, and are past the limit together.
    release.add_permits(1);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    release.add_permits(3);
    let error = served.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.to_string().contains("does not read"), "{error}");
}

#[tokio::test]
async fn calls_past_the_limit_of_unsent_bytes_fail_alone() {
    let limits = Limits::with(|it| it.unsent_bytes = 4096);
    let (client, mut peer) = client_with_tools(ProtocolVersion::V2025_11_25, limits).await;
    let call = || tokio::spawn(client.call_tool("echo", json!({"text": "x".repeat(3000)})).into_future());
    let mut calls = Vec::new();
    // The first is on its way and fills the pipe; the next two wait and are past the limit together; there is no room for a fourth.
    for _ in 0..4 {
        calls.push(call());
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(calls.pop().unwrap().await.unwrap().unwrap_err().kind(), ErrorKind::Overloaded);
    for call in calls {
        let request = peer.receive().await;
        peer.answer(&request, json!({"content": []})).await;
        assert!(call.await.unwrap().is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn deadlines_go_by_the_clock_of_the_runtime() {
    let (client, _peer) = client_with_tools(ProtocolVersion::V2025_11_25, Limits::default()).await;
    let error = client.call_tool("echo", json!({})).timeout(Duration::from_secs(600)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_that_exits_says_how() {
    let result = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}"#;
    let script = format!(
        "read request; echo '{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{result}}}'; read initialized; read call; exit 3"
    );
    let command = Command::new("sh").args(["-c", script.as_str()]);
    let client = Client::connect(command).only(ProtocolVersion::V2025_11_25).await.unwrap();
    let error = client.call_tool("echo", json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.to_string().contains("exit status: 3"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_that_was_slow_to_start_is_probed_again_and_one_without_an_answer_is_not() {
    let initialized = |id: u32, name: &str| {
        let result = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": name, "version": "1"}});
        format!("echo '{}'", json!({"jsonrpc": "2.0", "id": id, "result": result}))
    };
    let discovered = json!({"supportedVersions": ["2026-07-28"], "capabilities": {}});
    let unknown = json!({"code": -32601, "message": "unknown"});
    for (late, expected) in [
        (json!({"jsonrpc": "2.0", "id": 1, "result": discovered}), "probed"),
        (json!({"jsonrpc": "2.0", "id": 1, "error": unknown}), "remembered"),
        (json!({"jsonrpc": "2.0", "method": "notifications/nothing"}), "remembered"),
    ] {
        // It is silent until it was asked in both ways.
        let script = format!(
            "read first; case \"$first\" in *discover*) read second; echo '{late}'; {};; *) {};; esac; cat > /dev/null",
            initialized(2, "probed"),
            initialized(1, "remembered"),
        );
        for name in ["probed", expected] {
            let command = Command::new("sh").args(["-c", script.as_str()]);
            let limits = Limits::with(|it| it.probe = Duration::from_millis(1));
            let client = Client::connect(command).limits(limits).await.unwrap();
            assert_eq!(client.server_info().name, name, "{late}");
            client.close().await.unwrap();
        }
    }
}
