use futures_util::{StreamExt, stream};
use oxmcp::{Client, ErrorKind, ProtocolVersion};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// How often a server goes away, and how many do so at once.
const RUNS: usize = 10_000;
const AT_ONCE: usize = 64;

const ERAS: [ProtocolVersion; 2] = [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];

/// Greets a client of either era, and goes away before, in or after its first call, as `how` says.
async fn serve(stream: DuplexStream, how: usize) {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = BufReader::new(reader).lines();
    if how == 0 {
        return;
    }
    let Ok(Some(line)) = lines.next_line().await else { return };
    let request: Value = serde_json::from_str(&line).unwrap();
    let is_handshake = request["method"] == "initialize";
    let result = if is_handshake {
        json!({"protocolVersion": request["params"]["protocolVersion"], "capabilities": {"tools": {}},
            "serverInfo": {"name": "breaks", "version": "0"}})
    } else {
        json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
            "ttlMs": 0, "cacheScope": "private"})
    };
    let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": result});
    writer.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
    if is_handshake {
        assert!(lines.next_line().await.unwrap().unwrap().contains("notifications/initialized"));
    }
    if how == 1 {
        return;
    }
    let Ok(Some(line)) = lines.next_line().await else { return };
    let request: Value = serde_json::from_str(&line).unwrap();
    let token = &request["params"]["_meta"]["progressToken"];
    let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": 1}});
    let last_words = match how {
        2 => String::new(),
        3 => format!("{progress}\n"),
        4 => format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"#, request["id"]),
        _ => "Segmentation fault\n".to_owned(),
    };
    writer.write_all(last_words.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn every_call_settles_whenever_the_server_goes_away() {
    let run = |number: usize| async move {
        let (how, version) = (number % 6, ERAS[number / 6 % 2]);
        let (ours, theirs) = tokio::io::duplex(4096);
        let serving = tokio::spawn(serve(theirs, how));
        let connected = Client::connect(tokio::io::split(ours)).only(version).await;
        let client = match (how, connected) {
            (0, Err(error)) => return assert_eq!(error.kind(), ErrorKind::Connect, "{error}"),
            (0, Ok(_)) => panic!("connected to nobody"),
            (_, connected) => connected.unwrap(),
        };
        let called = client.call_tool("any", json!({})).await.unwrap_err();
        assert_eq!(called.kind(), ErrorKind::Closed, "{how}: {called}");
        let again = client.call_tool("any", json!({})).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Closed, "{how}: {again}");
        client.close().await.unwrap();
        serving.await.unwrap();
    };
    stream::iter(0..RUNS).for_each_concurrent(AT_ONCE, run).await;
}
