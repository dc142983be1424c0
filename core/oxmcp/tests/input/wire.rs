//! A client that writes its messages by hand, over a stream in memory.

use std::time::Duration;

use oxmcp::Server;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, duplex, split,
};
use tokio::time::timeout;

/// How long a machine under heavy load may take for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Wire {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
    next_id: u64,
    capabilities: Value,
}

impl Wire {
    /// A client of the stateless era.
    pub(crate) fn stateless(server: &Server, capabilities: Value) -> Self {
        let (ours, theirs) = duplex(1 << 20);
        let (reader, writer) = split(theirs);
        let server = server.clone();
        tokio::spawn(async move { server.serve(reader, writer).await });
        let (reader, writer) = split(ours);
        Self { lines: BufReader::new(reader).lines(), writer, next_id: 1, capabilities }
    }

    /// A client with a session of a revision of the handshake era.
    pub(crate) async fn session(server: &Server, version: &str, capabilities: Value) -> Self {
        let mut wire = Self::stateless(server, Value::Null);
        let client = json!({"name": "wire", "version": "1"});
        let hello = json!({"protocolVersion": version, "capabilities": capabilities, "clientInfo": client});
        let id = wire.send("initialize", hello).await;
        assert_eq!(wire.answer(id).await["result"]["protocolVersion"], version);
        wire.notify("notifications/initialized", json!({})).await;
        wire
    }

    /// Sends a request of the stateless era.
    pub(crate) async fn request(&mut self, method: &str, mut params: Value) -> u64 {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": self.capabilities,
        });
        self.send(method, params).await
    }

    /// Calls a tool without arguments in the stateless era, with further members of the parameters.
    pub(crate) async fn call(&mut self, tool: &str, more: Value) -> Value {
        let mut params = json!({"name": tool, "arguments": {}});
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        let id = self.request("tools/call", params).await;
        self.answer(id).await
    }

    pub(crate) async fn send(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.write(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        self.write(json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }

    /// Answers what the server asked.
    pub(crate) async fn respond(&mut self, request: &Value, result: Value) {
        self.write(json!({"jsonrpc": "2.0", "id": request["id"], "result": result})).await;
    }

    pub(crate) async fn write(&mut self, message: Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// The next message of the server.
    pub(crate) async fn next(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("the server is silent");
        serde_json::from_str(&line.unwrap().expect("the server is gone")).unwrap()
    }

    /// The next message of the server, which is the answer to a request.
    pub(crate) async fn answer(&mut self, id: u64) -> Value {
        let answer = self.next().await;
        assert_eq!(answer["id"], id, "{answer}");
        assert!(answer.get("method").is_none(), "{answer}");
        answer
    }

    /// The next message of the server, which is a request.
    pub(crate) async fn asked(&mut self, method: &str) -> Value {
        let asked = self.next().await;
        assert_eq!(asked["method"], method, "{asked}");
        asked
    }
}

/// What an answer asks for.
pub(crate) struct Required {
    pub(crate) requests: Vec<(String, Value)>,
    pub(crate) state: String,
}

/// Takes an answer for one that asks for input.
pub(crate) fn required(answer: &Value) -> Required {
    let result = &answer["result"];
    assert_eq!(result["resultType"], "input_required", "{answer}");
    let requests = result["inputRequests"].as_object().unwrap_or_else(|| panic!("{answer}"));
    assert!(!requests.is_empty(), "{answer}");
    let requests = requests.iter().map(|(key, request)| (key.clone(), request.clone())).collect();
    Required { requests, state: result["requestState"].as_str().unwrap().to_owned() }
}

impl Required {
    /// The one question.
    pub(crate) fn only(&self) -> (&str, &Value) {
        let [(key, request)] = &self.requests[..] else { panic!("{:?}", self.requests) };
        (key, request)
    }

    /// The parameters of a retry that answers the one question.
    pub(crate) fn answered(&self, answer: Value) -> Value {
        json!({"inputResponses": {self.only().0: answer}, "requestState": self.state})
    }
}

/// The text of a tool's result that is complete, and whether it failed.
pub(crate) fn said(answer: &Value) -> (String, bool) {
    let result = &answer["result"];
    assert_ne!(result["resultType"], "input_required", "{answer}");
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
    (text.to_owned(), result["isError"] == true)
}

pub(crate) fn accept(content: Value) -> Value {
    json!({"action": "accept", "content": content})
}
