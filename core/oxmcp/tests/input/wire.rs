//! A client that writes its messages by hand, over a stream in memory or over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use oxmcp::Server;
use oxmcp::transport::{HttpOptions, HttpServer};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, duplex, split,
};
use tokio::time::timeout;

use crate::raw::{Open, Raw};

/// How long a machine under heavy load may take for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// What messages go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Memory,
    Http,
}

pub(crate) const BOTH: [Over; 2] = [Over::Memory, Over::Http];

/// A client of one server.
pub(crate) struct Wire {
    way: Way,
    next_id: u64,
    /// What every request of the stateless era declares.
    pub(crate) capabilities: Value,
}

enum Way {
    Stream {
        lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
        writer: WriteHalf<DuplexStream>,
    },
    Http {
        /// It serves as long as this is there.
        _server: HttpServer,
        address: SocketAddr,
        session: Option<(String, String)>,
        /// The response to the last request, and how many of its messages were taken.
        open: Option<(Open, usize)>,
    },
}

impl Wire {
    /// A client of the stateless era.
    pub(crate) async fn stateless(server: &Server, over: Over, capabilities: Value) -> Self {
        let way = match over {
            Over::Memory => {
                let (ours, theirs) = duplex(1 << 20);
                let (reader, writer) = split(theirs);
                let server = server.clone();
                tokio::spawn(async move { server.serve(reader, writer).await });
                let (reader, writer) = split(ours);
                Way::Stream { lines: BufReader::new(reader).lines(), writer }
            }
            Over::Http => {
                let server = server.listen(HttpOptions::default()).await.unwrap();
                Way::Http { address: server.local_addr(), _server: server, session: None, open: None }
            }
        };
        Self { way, next_id: 1, capabilities }
    }

    /// A client with a session of a revision of the handshake era.
    pub(crate) async fn session(server: &Server, over: Over, version: &str, capabilities: Value) -> Self {
        let mut wire = Self::stateless(server, over, Value::Null).await;
        let client = json!({"name": "wire", "version": "1"});
        let hello = json!({"protocolVersion": version, "capabilities": capabilities, "clientInfo": client});
        let id = wire.send("initialize", hello).await;
        assert_eq!(wire.answer(id).await["result"]["protocolVersion"], version);
        if let Way::Http { session, open: Some((open, _)), .. } = &mut wire.way {
            let id = open.response.header("mcp-session-id").expect("a session");
            *session = Some((id.to_owned(), version.to_owned()));
        }
        wire.write(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        wire
    }

    /// Sends a request of the stateless era.
    pub(crate) async fn request(&mut self, method: &str, mut params: Value) -> u64 {
        params["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = self.capabilities.clone();
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

    /// Answers what the server asked.
    pub(crate) async fn respond(&mut self, request: &Value, result: Value) {
        self.write(json!({"jsonrpc": "2.0", "id": request["id"], "result": result})).await;
    }

    pub(crate) async fn write(&mut self, message: Value) {
        match &mut self.way {
            Way::Stream { writer, .. } => writer.write_all(format!("{message}\n").as_bytes()).await.unwrap(),
            Way::Http { address, session, open, .. } => {
                let mut raw = Raw::post(message.to_string());
                let params = &message["params"];
                if let Some((session, version)) = session {
                    raw = raw.header("Mcp-Session-Id", session).header("MCP-Protocol-Version", version);
                } else if let Some(version) =
                    params["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str()
                {
                    raw = raw.header("MCP-Protocol-Version", version);
                    raw = raw.header("Mcp-Method", message["method"].as_str().unwrap());
                    if let Some(name) = params["name"].as_str().or(params["uri"].as_str()) {
                        raw = raw.header("Mcp-Name", name);
                    }
                }
                if message.get("id").is_some() && message.get("method").is_some() {
                    *open = Some((raw.open(*address).await, 0));
                } else {
                    assert_eq!(raw.send(*address).await.status, 202);
                }
            }
        }
    }

    /// The next message of the server.
    pub(crate) async fn next(&mut self) -> Value {
        match &mut self.way {
            Way::Stream { lines, .. } => {
                let line = timeout(PATIENCE, lines.next_line()).await.expect("the server is silent");
                serde_json::from_str(&line.unwrap().expect("the server is gone")).unwrap()
            }
            Way::Http { open, .. } => {
                let (open, taken) = open.as_mut().expect("a request");
                if *taken == 0 && open.response.header("content-length").is_some() {
                    open.read_to_end().await;
                }
                if open.response.header("content-type") == Some("application/json") {
                    return open.response.json();
                }
                loop {
                    if let Some(message) = open.response.events().into_iter().nth(*taken) {
                        *taken += 1;
                        return message;
                    }
                    assert!(open.read_chunk().await, "the stream ended: {:?}", open.response);
                }
            }
        }
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

    /// The HTTP status of the last answer.
    pub(crate) fn status(&self) -> Option<u16> {
        match &self.way {
            Way::Http { open: Some((open, _)), .. } => Some(open.response.status),
            _ => None,
        }
    }
}

/// What an answer asks for.
#[derive(Debug)]
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

/// The code and the message of an error.
pub(crate) fn error(answer: &Value) -> (i64, String) {
    let error = &answer["error"];
    let code = error["code"].as_i64().unwrap_or_else(|| panic!("{answer}"));
    (code, error["message"].as_str().unwrap().to_owned())
}

pub(crate) fn accept(content: Value) -> Value {
    json!({"action": "accept", "content": content})
}

/// A handler of a tool that has a context and no arguments.
macro_rules! tool {
    ($handler:expr) => {
        |_: oxmcp::server::Arguments, context: oxmcp::Context| $handler(context)
    };
}
pub(crate) use tool;
