//! A client that sends what it is told, byte for byte.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A request as it goes over the wire.
#[derive(Clone)]
pub(crate) struct Raw {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Raw {
    /// A request with nothing but `Host`.
    pub(crate) fn new(method: &'static str) -> Self {
        Self {
            method,
            path: "/mcp".into(),
            headers: vec![("Host".into(), "localhost".into())],
            body: Vec::new(),
        }
    }

    /// A POST as every client sends it.
    pub(crate) fn post(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new("POST") }
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream")
    }

    /// A request of revision 2026-07-28 with the headers it has to have.
    pub(crate) fn modern(method: &str, params: Value) -> Self {
        let name = params["name"].as_str().map(str::to_owned);
        let raw = Self::post(modern_body(7, method, params).to_string())
            .header("MCP-Protocol-Version", "2026-07-28")
            .header("Mcp-Method", method);
        match name {
            Some(name) => raw.header("Mcp-Name", &name),
            None => raw,
        }
    }

    /// A call of a tool without arguments in revision 2026-07-28.
    pub(crate) fn modern_call(tool: &str) -> Self {
        Self::modern("tools/call", json!({"name": tool, "arguments": {}}))
    }

    /// The same with a progress token.
    pub(crate) fn modern_call_with_progress(tool: &str) -> Self {
        Self::modern("tools/call", json!({"name": tool, "arguments": {}, "_meta": {"progressToken": "p"}}))
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a header, in place of any of that name.
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        self.without(name).more(name, value)
    }

    /// Adds a header, beside any of that name.
    pub(crate) fn more(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// Sends it on a connection of its own, and reads the response to its end.
    pub(crate) async fn send(&self, to: SocketAddr) -> Response {
        let mut open = self.open(to).await;
        open.read_to_end().await;
        open.response
    }

    /// Sends it, and reads the head of the response.
    pub(crate) async fn open(&self, to: SocketAddr) -> Open {
        let mut open = self.start(to).await;
        open.read_head().await;
        open
    }

    /// Sends it and reads nothing yet.
    pub(crate) async fn start(&self, to: SocketAddr) -> Open {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(&self.bytes()).await.unwrap();
        Open { stream, unread: Vec::new(), response: Response::default() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            bytes += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            bytes += &format!("Content-Length: {}\r\n", self.body.len());
        }
        let mut bytes = (bytes + "\r\n").into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// The body of a request of revision 2026-07-28.
pub(crate) fn modern_body(id: impl Into<Value>, method: &str, mut params: Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "wire", "version": "0"});
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

/// A response, as far as it was read.
#[derive(Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The status and the code of the JSON-RPC error in the body.
    pub(crate) fn refusal(&self) -> (u16, i64) {
        assert!(self.status != 503 || self.header("retry-after") == Some("1"), "{self:?}");
        (self.status, self.json()["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {self:?}")))
    }

    /// The messages of an event stream.
    pub(crate) fn events(&self) -> Vec<Value> {
        assert_eq!(self.header("content-type"), Some("text/event-stream"), "{self:?}");
        let data = self.fields("data").into_iter().filter(|data| !data.is_empty());
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    /// The ids of the events of a stream, with and without messages.
    pub(crate) fn event_ids(&self) -> Vec<&str> {
        self.fields("id")
    }

    /// The values of a field in an event stream.
    pub(crate) fn fields(&self, name: &str) -> Vec<&str> {
        let lines = self.text().lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(field, _)| *field == name).map(|(_, value)| value).collect()
    }
}

/// A response that is still coming in.
pub(crate) struct Open {
    stream: TcpStream,
    unread: Vec<u8>,
    pub(crate) response: Response,
}

impl Open {
    /// Sends another request on the same connection, once the response before it was read.
    pub(crate) async fn send_next(&mut self, request: &Raw) {
        self.response = Response::default();
        self.stream.write_all(&request.bytes()).await.unwrap();
        self.read_head().await;
    }

    pub(crate) async fn read_head(&mut self) {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            assert!(self.read_some().await, "the connection ended in the head: {:?}", self.unread);
        };
        let head = String::from_utf8(self.unread.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        self.response.status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        self.response.headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.into(), v.into())).collect();
    }

    /// Reads until the body holds `text`.
    pub(crate) async fn read_until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.response.body).contains(text) {
            assert!(self.read_chunk().await, "the body ended without {text:?}: {:?}", self.response);
        }
    }

    pub(crate) async fn read_to_end(&mut self) {
        match self.response.header("content-length").map(|length| length.parse::<usize>().unwrap()) {
            Some(length) => {
                while self.unread.len() < length {
                    assert!(self.read_some().await, "the connection ended in the body");
                }
                self.response.body = self.unread.drain(..length).collect();
            }
            None if self.response.header("transfer-encoding").is_some() => while self.read_chunk().await {},
            None => {}
        }
    }

    /// Reads one chunk; false at the last.
    pub(crate) async fn read_chunk(&mut self) -> bool {
        loop {
            if let Some(end) = self.unread.windows(2).position(|window| window == b"\r\n") {
                let size = std::str::from_utf8(&self.unread[..end]).unwrap();
                let size = usize::from_str_radix(size, 16).unwrap();
                if self.unread.len() >= end + 2 + size + 2 {
                    self.response.body.extend_from_slice(&self.unread[end + 2..end + 2 + size]);
                    self.unread.drain(..end + 2 + size + 2);
                    return size > 0;
                }
            }
            assert!(self.read_some().await, "the connection ended in the body: {:?}", self.response);
        }
    }

    /// Whether the server has closed the connection, rather than leave it open.
    pub(crate) async fn is_closed(&mut self) -> bool {
        !self.read_some().await
    }

    async fn read_some(&mut self) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        let read = timeout(PATIENCE, self.stream.read(&mut buffer)).await.expect("the server is silent");
        match read {
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(_) => false,
        }
    }
}
