//! A client that writes its own lines.

use oxmcp::Server;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};

pub(crate) const TASKS: &str = "io.modelcontextprotocol/tasks";

pub(crate) struct Peer {
    writer: WriteHalf<DuplexStream>,
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    next_id: u64,
    /// What every request of the stateless era carries in `_meta`.
    meta: Option<Value>,
    /// What the server told of its tasks (2025-11-25).
    pub(crate) told: Vec<Value>,
}

impl Peer {
    fn open(server: &Server, meta: Option<Value>) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (reader, writer) = tokio::io::split(theirs);
        let server = server.clone();
        tokio::spawn(async move { server.serve(reader, writer).await });
        let (reader, writer) = tokio::io::split(ours);
        Self { writer, lines: BufReader::new(reader).lines(), next_id: 0, meta, told: Vec::new() }
    }

    /// One of the stateless era that declares these capabilities.
    pub(crate) fn stateless(server: &Server, capabilities: Value) -> Self {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        });
        Self::open(server, Some(meta))
    }

    /// One that declares the extension of tasks, and elicitation.
    pub(crate) fn with_tasks(server: &Server) -> Self {
        Self::stateless(server, json!({"elicitation": {}, "extensions": {TASKS: {}}}))
    }

    /// One in a session; also gives the answer to `initialize`.
    pub(crate) async fn in_session(server: &Server, version: &str) -> (Self, Value) {
        let mut peer = Self::open(server, None);
        let client = json!({"name": "c", "version": "1"});
        let params =
            json!({"protocolVersion": version, "capabilities": {"elicitation": {}}, "clientInfo": client});
        let answer = peer.result("initialize", params).await;
        peer.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        (peer, answer)
    }

    pub(crate) async fn write(&mut self, message: &Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// The next message that does not tell how a task stands.
    pub(crate) async fn read(&mut self) -> Value {
        loop {
            let mut message = self.read_any().await;
            if message["method"] != "notifications/tasks/status" {
                return message;
            }
            self.told.push(message["params"].take());
        }
    }

    async fn read_any(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().expect("another line")).unwrap()
    }

    /// What the server tells next of a task that it does not just work on.
    pub(crate) async fn status(&mut self) -> Value {
        loop {
            let told = match self.told.is_empty() {
                true => {
                    let mut message = self.read_any().await;
                    assert_eq!(message["method"], "notifications/tasks/status", "{message}");
                    message["params"].take()
                }
                false => self.told.remove(0),
            };
            if told["status"] != "working" {
                return told;
            }
        }
    }

    /// Sends a request; gives its id.
    pub(crate) async fn send(&mut self, method: &str, mut params: Value) -> u64 {
        self.next_id += 1;
        if let Some(meta) = &self.meta {
            params["_meta"] = meta.clone();
        }
        let id = self.next_id;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    /// The answer to a request that was sent. Nothing else may come before it.
    pub(crate) async fn answer(&mut self, id: u64) -> Value {
        let message = self.read().await;
        assert_eq!(message["id"], id, "{message}");
        message
    }

    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        self.answer(id).await
    }

    pub(crate) async fn result(&mut self, method: &str, params: Value) -> Value {
        let mut message = self.ask(method, params).await;
        assert!(message["result"].is_object(), "{message}");
        message["result"].take()
    }

    pub(crate) async fn error(&mut self, method: &str, params: Value) -> Value {
        let mut message = self.ask(method, params).await;
        assert!(message["error"].is_object(), "{message}");
        message["error"].take()
    }

    pub(crate) async fn call(&mut self, tool: &str) -> Value {
        self.result("tools/call", json!({"name": tool, "arguments": {}})).await
    }

    /// Asks how a task stands until it has one of these statuses.
    pub(crate) async fn until(&mut self, id: &Value, statuses: &[&str]) -> Value {
        loop {
            let task = self.result("tasks/get", json!({"taskId": id})).await;
            if statuses.contains(&task["status"].as_str().unwrap()) {
                return task;
            }
            tokio::task::yield_now().await;
        }
    }
}
