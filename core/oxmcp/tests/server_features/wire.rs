use std::time::Duration;

use oxmcp::Server;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};
use tokio::time::timeout;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server over a stream, asked by hand.
pub(crate) struct Wire {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
    version: Option<&'static str>,
    next_id: u64,
    /// The answer to `initialize`.
    pub(crate) initialized: Value,
}

impl Wire {
    fn new(server: &Server, version: Option<&'static str>) -> Self {
        let (ours, theirs) = tokio::io::duplex(4096);
        let server = server.clone();
        tokio::spawn(async move {
            let (reader, writer) = tokio::io::split(theirs);
            server.serve(reader, writer).await
        });
        let (reader, writer) = tokio::io::split(ours);
        Self { lines: BufReader::new(reader).lines(), writer, version, next_id: 1, initialized: Value::Null }
    }

    /// In a session of a revision.
    pub(crate) async fn session(server: &Server, version: &str) -> Self {
        let mut wire = Self::opening(server, version).await;
        wire.begin().await;
        wire
    }

    /// In a session that has not begun yet.
    pub(crate) async fn opening(server: &Server, version: &str) -> Self {
        let mut wire = Self::new(server, None);
        let info = json!({"name": "by hand", "version": "1"});
        let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": info});
        let (_, answer) = wire.ask("initialize", params).await;
        wire.initialized = answer["result"].clone();
        wire
    }

    /// Says that the session may begin.
    pub(crate) async fn begin(&mut self) {
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    }

    /// In revision 2026-07-28.
    pub(crate) fn stateless(server: &Server) -> Self {
        Self::new(server, Some("2026-07-28"))
    }

    /// Sends a request; its id.
    pub(crate) async fn start(&mut self, method: &str, mut params: Value) -> u64 {
        if let Some(version) = self.version {
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = version.into();
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
        }
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    /// Sends a request and waits for its answer: what came before it, and it.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> (Vec<Value>, Value) {
        let id = self.start(method, params).await;
        let mut before = Vec::new();
        loop {
            let message = self.receive().await;
            if message["id"] == id {
                return (before, message);
            }
            before.push(message);
        }
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// Says that nothing more is sent.
    pub(crate) async fn finish(&mut self) {
        self.writer.shutdown().await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> Value {
        self.next().await.expect("the stream is at its end")
    }

    /// The next message; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("the server is silent").unwrap()?;
        Some(serde_json::from_str(&line).unwrap())
    }
}
