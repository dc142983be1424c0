//! The other end of a stream, by hand.

use oxmcp::client::Connect;
use oxmcp::{Client, ProtocolVersion};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};

pub(crate) struct Peer {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
    /// What the client declared.
    pub(crate) capabilities: Value,
}

impl Peer {
    pub(crate) fn new(stream: DuplexStream) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { lines: BufReader::new(reader).lines(), writer, capabilities: Value::Null }
    }

    /// The next line; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let line = self.lines.next_line().await.unwrap()?;
        Some(serde_json::from_str(&line).unwrap())
    }

    pub(crate) async fn receive(&mut self) -> Value {
        self.next().await.expect("the stream is at its end")
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.send_lines(&message.to_string()).await;
    }

    pub(crate) async fn send_lines(&mut self, lines: &str) {
        self.writer.write_all(format!("{lines}\n").as_bytes()).await.unwrap();
    }

    pub(crate) async fn answer(&mut self, request: &Value, result: Value) {
        self.send(json!({"jsonrpc": "2.0", "id": request["id"], "result": result})).await;
    }

    pub(crate) async fn tell(&mut self, method: &str, params: Value) {
        self.send(json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }

    /// Asks the client, and gives what it answers.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(json!({"jsonrpc": "2.0", "id": "asked", "method": method, "params": params})).await;
        let answer = self.receive().await;
        assert_eq!(answer["id"], "asked", "{answer}");
        answer
    }
}

/// Everything that a server can declare.
pub(crate) fn everything() -> Value {
    let list = json!({"listChanged": true});
    json!({"tools": list, "prompts": list, "resources": {"listChanged": true, "subscribe": true}, "completions": {}, "logging": {},
        "extensions": {"io.modelcontextprotocol/tasks": {}}})
}

/// A client that is connected to a server by hand, which can do everything.
pub(crate) async fn connect(
    version: ProtocolVersion,
    set: impl FnOnce(Connect) -> Connect,
) -> (Client, Peer) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let mut peer = Peer::new(theirs);
    let connect = set(Client::connect(tokio::io::split(ours)).only(version));
    let greet = async {
        let request = peer.receive().await;
        let is_handshake = request["method"] == "initialize";
        peer.capabilities = match is_handshake {
            true => request["params"]["capabilities"].clone(),
            false => request["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"].clone(),
        };
        let info = json!({"name": "by hand", "version": "1"});
        let meta = json!({"io.modelcontextprotocol/serverInfo": info});
        let result = json!({"protocolVersion": version.as_str(), "supportedVersions": [version.as_str()],
            "capabilities": everything(), "serverInfo": info, "_meta": meta, "resultType": "complete"});
        peer.answer(&request, result).await;
        if is_handshake {
            assert_eq!(peer.receive().await["method"], "notifications/initialized");
        }
        peer
    };
    let (client, peer) = tokio::join!(connect.into_future(), greet);
    (client.unwrap(), peer)
}
