//! Sockets with one message per line, and transports of one's own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::pending;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oxmcp::client::Target;
use oxmcp::server::Arguments;
use oxmcp::transport::{MessageReceiver, MessageSender};
use oxmcp::{Client, ErrorKind, Limits, ProtocolVersion, Server};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

fn server() -> Server {
    Server::new("sockets", "1.0.0")
        .tool("blob", "Says much.", |_: Arguments| async { "x".repeat(1 << 20) })
        .tool("waits", "Never ends.", |_: Arguments| pending::<()>())
}

/// A path for a socket that no other test has.
fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("oxmcp-test-{}-{name}.sock", std::process::id()))
}

async fn use_server(target: impl Into<Target>, version: ProtocolVersion) -> Client {
    let client = Client::connect(target).only(version).await.unwrap();
    let blob = client.call_tool("blob", json!({})).await.unwrap();
    assert_eq!(blob.joined_text().len(), 1 << 20);
    client
}

/// Waits until the client's connection is over.
async fn is_closed(client: &Client) {
    timeout(PATIENCE, client.closed()).await.expect("the connection is still open");
}

#[tokio::test]
async fn clients_meet_a_server_at_a_tcp_address() {
    let listening = server().listen_tcp("127.0.0.1:0").await.unwrap();
    assert!(listening.url().starts_with("tcp://127.0.0.1:"));
    let mut clients = Vec::new();
    for version in ProtocolVersion::ALL {
        clients.push(use_server(listening.url(), version).await);
    }
    let waiting = clients[0].clone();
    let call = tokio::spawn(async move { waiting.call_tool("waits", json!({})).await });
    timeout(PATIENCE, listening.close()).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    for client in &clients {
        is_closed(client).await;
    }
}

#[tokio::test]
async fn clients_meet_a_server_at_a_unix_socket() {
    let path = path("meet");
    // What a process leaves behind that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listening = server().listen_unix(&path).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let taken = server().listen_unix(&path).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Connect);
    let client = use_server(listening.url(), ProtocolVersion::LATEST).await;
    let same = use_server(format!("unix://{}", path.display()), ProtocolVersion::LATEST).await;
    timeout(PATIENCE, listening.close()).await.unwrap();
    is_closed(&client).await;
    is_closed(&same).await;
    assert!(!path.exists());
    let gone = Client::connect(Target::Unix(path)).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Connect);
}

#[tokio::test]
async fn a_file_that_is_no_socket_stays() {
    let path = path("file");
    std::fs::write(&path, "mine").unwrap();
    assert_eq!(server().listen_unix(&path).await.unwrap_err().kind(), ErrorKind::Connect);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn only_loopback_addresses_are_listened_on() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "localhost:0", "127.0.0.1", "nonsense"] {
        assert_eq!(server().listen_tcp(address).await.unwrap_err().kind(), ErrorKind::Misuse, "{address}");
    }
}

#[tokio::test]
async fn what_a_browser_sends_is_not_listened_to() {
    let listening = server().listen_tcp("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listening.url().strip_prefix("tcp://").unwrap()).await.unwrap();
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let request = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\r\n{ping}\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // It is closed or reset, which depends on what was read before.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn connections_past_the_limit_wait_for_room() {
    let limits = Limits::with(|it| it.http_connections = 1);
    let listening = server().limits(limits).listen_tcp("127.0.0.1:0").await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(Client::connect(listening.url()).await.unwrap());
    }
    let connect = tokio::spawn(Client::connect(listening.url()).into_future());
    clients.pop().unwrap().close().await.unwrap();
    let late = timeout(PATIENCE, connect).await.unwrap().unwrap().unwrap();
    assert_eq!(late.server_info().name, "sockets");
}

struct Outgoing(mpsc::Sender<Bytes>);

struct Incoming {
    messages: mpsc::Receiver<Bytes>,
    /// Rung when it is dropped.
    dropped: Arc<Notify>,
}

impl MessageSender for Outgoing {
    async fn send(&mut self, message: Bytes) -> io::Result<()> {
        assert!(!message.contains(&b'\n'));
        self.0.send(message).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl MessageReceiver for Incoming {
    async fn receive(&mut self) -> io::Result<Option<Bytes>> {
        Ok(self.messages.recv().await)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.dropped.notify_one();
    }
}

#[tokio::test]
async fn a_transport_of_ones_own_carries_whole_messages() {
    for version in ProtocolVersion::ALL {
        let (to_server, from_client) = mpsc::channel(1);
        let (to_client, from_server) = mpsc::channel(1);
        let dropped = Arc::new(Notify::new());
        let incoming = |messages| Incoming { messages, dropped: dropped.clone() };
        let theirs = (Outgoing(to_client), incoming(from_client));
        let served = tokio::spawn(async move { server().serve_transport(theirs).await });
        let ours = Target::transport((Outgoing(to_server), incoming(from_server)));
        let client = use_server(ours, version).await;
        client.close().await.unwrap();
        timeout(PATIENCE, served).await.unwrap().unwrap().unwrap();
        // Both sides let go of their halves.
        timeout(PATIENCE, dropped.notified()).await.unwrap();
    }
}

#[tokio::test]
async fn a_transport_that_breaks_ends_the_connection() {
    struct Broken;

    impl MessageSender for Broken {
        async fn send(&mut self, _: Bytes) -> io::Result<()> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }

    impl MessageReceiver for Broken {
        async fn receive(&mut self) -> io::Result<Option<Bytes>> {
            pending().await
        }
    }

    let error = timeout(PATIENCE, Client::connect(Target::transport((Broken, Broken))).into_future()).await;
    assert_eq!(error.unwrap().unwrap_err().kind(), ErrorKind::Connect);
}

#[tokio::test]
async fn a_message_may_have_any_layout() {
    let (to_server, from_client) = mpsc::channel(1);
    let (to_client, mut from_server) = mpsc::channel(1);
    let theirs = (Outgoing(to_client), Incoming { messages: from_client, dropped: Arc::default() });
    let served = tokio::spawn(async move { server().serve_transport(theirs).await });
    let pretty = "{\n  \"jsonrpc\": \"2.0\",\r\n  \"id\": 7,\n  \"method\": \"ping\"\n}\n";
    to_server.send(Bytes::from_static(pretty.as_bytes())).await.unwrap();
    assert_eq!(from_server.recv().await.unwrap(), r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
    drop(to_server);
    assert_eq!(from_server.recv().await, None);
    timeout(PATIENCE, served).await.unwrap().unwrap().unwrap();
}
