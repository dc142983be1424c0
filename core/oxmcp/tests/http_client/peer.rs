//! A server that answers as a test says, on a runtime of its own, and tells what it was sent.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

const PATIENCE: Duration = Duration::from_secs(30);

/// The id of the session that [`handshake`] opens.
pub(crate) const SESSION: &str = "session-1";

/// A server that listens until it is dropped.
pub(crate) struct Peer {
    pub(crate) url: String,
    seen: mpsc::UnboundedReceiver<Seen>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// A request.
pub(crate) struct Seen {
    /// The request line and the headers, in lower case.
    pub(crate) head: String,
    /// The JSON in its body, or null.
    pub(crate) body: Value,
}

/// What is done with a request.
pub(crate) enum Reply {
    /// It is answered with these bytes.
    Bytes(String),
    /// These bytes are written, and then nothing more; the connection stays open for as long as the client keeps it.
    Stuck(String),
    /// These bytes are written, and the connection is closed.
    Last(String),
    /// It is answered with the bytes that come; if none do, the connection is closed.
    Late(oneshot::Receiver<String>),
    /// The connection is closed.
    Hang,
    /// A stream of events: each piece is written when it comes, and the connection is closed after the last.
    Events(mpsc::UnboundedReceiver<String>),
}

impl Seen {
    /// `POST tools/call`, or `DELETE`.
    pub(crate) fn what(&self) -> String {
        let verb = self.head.split(' ').next().unwrap_or_default().to_uppercase();
        match self.body["method"].as_str() {
            Some(method) => format!("{verb} {method}"),
            None if self.body["id"].is_null() => verb,
            None => format!("{verb} answer"),
        }
    }

    /// Whether it is for the stream of the server's own messages, from its beginning.
    pub(crate) fn is_listening(&self) -> bool {
        self.what() == "GET" && self.header("last-event-id").is_none()
    }

    pub(crate) fn is_in_session(&self) -> bool {
        self.header("mcp-session-id") == Some(SESSION)
    }

    /// The value of a header, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what())
    }
}

impl Peer {
    pub(crate) fn new(answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let (report, seen) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        // A path of its own: the system gives ports again, and a process remembers how the server at a URL is spoken to.
        static PEERS: AtomicUsize = AtomicUsize::new(0);
        let number = PEERS.fetch_add(1, Ordering::Relaxed);
        let url = format!("http://{}/mcp/{number}", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(answer));
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                let serve = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        let (answer, report) = (answer.clone(), report.clone());
                        tokio::spawn(async move {
                            converse(stream, |seen| {
                                let reply = (*answer.lock().unwrap())(&seen);
                                let _ = report.send(seen);
                                reply
                            })
                            .await;
                        });
                    }
                };
                tokio::select! {
                    () = serve => {}
                    _ = stopped => {}
                }
            });
        });
        Self { url, seen, stop: Some(stop), thread: Some(thread) }
    }

    /// The next request, other than one for the stream of the server's own messages: it comes when it comes.
    pub(crate) async fn next(&mut self) -> Seen {
        loop {
            let seen = settled(self.seen.recv()).await.expect("the peer runs");
            if !seen.is_listening() {
                return seen;
            }
        }
    }

    /// The next request for that stream.
    pub(crate) async fn next_listening(&mut self) -> Seen {
        loop {
            let seen = settled(self.seen.recv()).await.expect("the peer runs");
            if seen.what() == "GET" {
                return seen;
            }
        }
    }

    /// The next requests, one after the other.
    pub(crate) async fn sees(&mut self, requests: &[&str]) {
        for expected in requests {
            assert_eq!(self.next().await.what(), *expected);
        }
    }

    /// Waits for so many calls of tools, whatever comes between them.
    pub(crate) async fn sees_calls(&mut self, count: usize) {
        for _ in 0..count {
            while self.next().await.what() != "POST tools/call" {}
        }
    }

    /// What it was sent beside that, other than requests for the stream of the server's own messages.
    pub(crate) fn rest(&mut self) -> Vec<Seen> {
        self.all().into_iter().filter(|seen| !seen.is_listening()).collect()
    }

    /// What it was sent beside that.
    pub(crate) fn all(&mut self) -> Vec<Seen> {
        std::iter::from_fn(|| self.seen.try_recv().ok()).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn converse(mut stream: TcpStream, mut answer: impl FnMut(Seen) -> Reply) {
    let mut bytes = Vec::new();
    loop {
        let seen = loop {
            if let Some(seen) = take_request(&mut bytes) {
                break seen;
            }
            if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
                return;
            }
        };
        match answer(seen) {
            Reply::Bytes(bytes) => {
                if stream.write_all(bytes.as_bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Stuck(bytes) => {
                let _ = stream.write_all(bytes.as_bytes()).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
                return;
            }
            Reply::Last(bytes) => {
                let _ = stream.write_all(bytes.as_bytes()).await;
                return;
            }
            Reply::Late(bytes) => {
                let Ok(bytes) = bytes.await else { return };
                if stream.write_all(bytes.as_bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Hang => return,
            Reply::Events(mut events) => {
                let mut piece = Some(events_response(""));
                while let Some(bytes) = piece {
                    if stream.write_all(bytes.as_bytes()).await.is_err() {
                        return;
                    }
                    piece = events.recv().await;
                }
                return;
            }
        }
    }
}

fn take_request(bytes: &mut Vec<u8>) -> Option<Seen> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    let body = bytes.get(end..end + length)?;
    let body = serde_json::from_slice(body).unwrap_or_default();
    bytes.drain(..end + length);
    Some(Seen { head, body })
}

/// A whole response.
pub(crate) fn response(status: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    Reply::Bytes(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

/// A whole response of JSON.
pub(crate) fn json_response(status: &str, body: &Value) -> Reply {
    response(status, &[("Content-Type", "application/json")], &body.to_string())
}

/// The result of a request.
pub(crate) fn result(seen: &Seen, result: Value) -> Reply {
    json_response("200 OK", &json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result}))
}

/// The error to a request.
pub(crate) fn error(status: &str, seen: &Seen, code: i64) -> Reply {
    let error = json!({"code": code, "message": "no"});
    json_response(status, &json!({"jsonrpc": "2.0", "id": seen.body["id"], "error": error}))
}

pub(crate) fn accepted() -> Reply {
    response("202 Accepted", &[], "")
}

/// A stream of events that begins with these messages and does not end.
pub(crate) fn stream(messages: &[Value]) -> String {
    let events: String = messages.iter().map(|message| format!("data: {message}\n\n")).collect();
    events_response(&events)
}

/// A stream that begins with these events and does not end.
pub(crate) fn events_response(events: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{events}")
}

/// Opens a session.
pub(crate) fn initialized(seen: &Seen, session: &str, capabilities: Value) -> Reply {
    let version = &seen.body["params"]["protocolVersion"];
    let server_info = json!({"name": "peer", "version": "0"});
    let result = json!({"protocolVersion": version, "capabilities": capabilities, "serverInfo": server_info});
    let body = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result}).to_string();
    response("200 OK", &[("Content-Type", "application/json"), ("Mcp-Session-Id", session)], &body)
}

/// Answers as a server of the handshake era that keeps a session, and has no stream of its own messages; `None` for what is not about the session.
pub(crate) fn handshake(seen: &Seen) -> Option<Reply> {
    Some(match seen.what().as_str() {
        "POST server/discover" => error("404 Not Found", seen, -32601),
        "POST initialize" => initialized(seen, SESSION, json!({"tools": {}})),
        "POST notifications/initialized" => accepted(),
        "DELETE" => response("204 No Content", &[], ""),
        "GET" => response("405 Method Not Allowed", &[], ""),
        _ => return None,
    })
}

/// Waits for what has to come, and not forever.
pub(crate) async fn settled<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it does not settle")
}
