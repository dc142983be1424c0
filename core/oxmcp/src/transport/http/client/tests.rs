use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::ErrorKind;
use crate::auth::Effort;

const PATIENCE: Duration = Duration::from_secs(10);

/// A server that answers every request on every connection with the same bytes, and keeps what it was sent.
struct Scripted {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Scripted {
    /// `pieces` are written one after the other, a moment apart. If `keep` is false, the connection is closed after them.
    async fn new(pieces: Vec<Vec<u8>>, keep: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, connections) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<usize>>::default());
        let (seen, count) = (requests.clone(), connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock().unwrap() += 1;
                tokio::spawn(converse(stream, pieces.clone(), keep, seen.clone()));
            }
        });
        Self { address, requests, connections }
    }

    async fn answering(response: impl Into<Vec<u8>>) -> Self {
        Self::new(vec![response.into()], true).await
    }

    async fn client(&self) -> HttpClient {
        self.client_with(Limits::default()).await
    }

    async fn client_with(&self, limits: Limits) -> HttpClient {
        HttpClient::new(&format!("http://{}/mcp", self.address), Access::default(), &limits).await.unwrap()
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    pieces: Vec<Vec<u8>>,
    keep: bool,
    seen: Arc<Mutex<Vec<String>>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        seen.lock().unwrap().push(request);
        for piece in &pieces {
            if stream.write_all(piece).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if !keep {
            return;
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if bytes.len() >= end + 4 + length.map_or(0, |length| length.parse().unwrap()) {
                return Some(String::from_utf8(bytes).unwrap());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn with_body(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn json_response(body: &str) -> String {
    with_body("200 OK\r\nContent-Type: application/json", body)
}

fn event_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()
}

fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
const PROGRESS: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#;
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"ok":true}}"#;

const HEAD: Head<'static> = Head {
    version: Some(ProtocolVersion::V2026_07_28),
    method: "tools/list",
    name: None,
    params: &[],
    session: None,
    effort: Effort::Full,
};

/// Asks with id 1, and gives the answer with the methods of the messages before it.
async fn ask(client: &HttpClient) -> (Result<Response, HttpError>, Vec<String>) {
    let mut methods = Vec::new();
    let mut on_message = |message| match message {
        Message::Request(request) => methods.push(request.method.to_string()),
        Message::Notification(notification) => methods.push(notification.method.to_string()),
        Message::Response(response) => methods.push(format!("answer to {:?}", response.id)),
        Message::Batch(_) => methods.push("batch".into()),
    };
    let body = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    let asked = async {
        let turn = client.turn().await;
        client.exchange(HEAD, &RequestId::Number(1), body, None, turn, &mut on_message).await
    };
    let answer = settled(asked).await;
    (answer, methods)
}

async fn settled<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it does not settle")
}

async fn outcome(server: &Scripted) -> Result<Response, HttpError> {
    ask(&server.client().await).await.0
}

#[tokio::test]
async fn an_answer_in_json_ends_the_exchange() {
    let server = Scripted::answering(with_body(
        "200 OK\r\nContent-Type: application/json; charset=utf-8\r\nMcp-Session-Id: abc",
        ANSWER,
    ))
    .await;
    let response = outcome(&server).await.unwrap();
    assert_eq!(response.outcome.unwrap().as_str(), r#"{"ok":true}"#);
    assert_eq!(response.session.unwrap(), "abc");
    let request = server.requests.lock().unwrap()[0].to_lowercase();
    for line in [
        "post /mcp http/1.1\r\n",
        "\r\naccept: application/json, text/event-stream\r\n",
        "\r\ncontent-type: application/json\r\n",
        "\r\nmcp-protocol-version: 2026-07-28\r\n",
        "\r\nmcp-method: tools/list\r\n",
    ] {
        assert!(request.contains(line), "{line:?} in {request}");
    }
    assert!(!request.contains("mcp-name") && !request.contains("mcp-session-id"));
}

#[tokio::test]
async fn headers_are_those_of_the_revision() {
    let server = Scripted::answering(with_body("202 Accepted", "")).await;
    let client = server.client().await;
    let name = Some("grüße");
    for version in [
        None,
        Some(ProtocolVersion::V2025_03_26),
        Some(ProtocolVersion::V2025_11_25),
        Some(ProtocolVersion::V2026_07_28),
    ] {
        let head = Head {
            version,
            method: "tools/call",
            name,
            params: &[],
            session: Some(&HeaderValue::from_static("s-1")),
            effort: Effort::Full,
        };
        client.post(head, Bytes::from_static(b"{}")).await.unwrap();
    }
    client.delete_session(Head { session: Some(&HeaderValue::from_static("s-1")), ..HEAD }).await;
    let requests = server.requests.lock().unwrap();
    let has = |at: usize, name: &str| requests[at].contains(name);
    let versions: Vec<_> = (0..4).map(|at| has(at, "mcp-protocol-version")).collect();
    assert_eq!(versions, [false, false, true, true]);
    let methods: Vec<_> = (0..4).map(|at| has(at, "mcp-method: tools/call")).collect();
    assert_eq!(methods, [false, false, false, true]);
    assert!(has(3, "mcp-name: =?base64?Z3LDvMOfZQ==?="));
    assert!((0..5).all(|at| has(at, "mcp-session-id: s-1")));
    assert!(requests[4].starts_with("DELETE /mcp "));
    assert_eq!(*server.connections.lock().unwrap(), 1, "connections are used again");
}

#[tokio::test]
async fn an_error_of_the_server_is_an_answer() {
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#;
    let server = Scripted::answering(json_response(error)).await;
    assert_eq!(outcome(&server).await.unwrap().outcome.unwrap_err().code, -32601);
    let without_id = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#;
    let server = Scripted::answering(json_response(without_id)).await;
    assert_eq!(outcome(&server).await.unwrap().outcome.unwrap_err().code, -32700);
}

#[tokio::test]
async fn an_id_may_come_back_as_a_string() {
    let server = Scripted::answering(json_response(&ANSWER.replace(r#""id":1"#, r#""id":"1""#))).await;
    assert!(outcome(&server).await.unwrap().outcome.is_ok());
}

#[tokio::test]
async fn messages_on_a_stream_come_before_the_answer() {
    let other = ANSWER.replace(r#""id":1"#, r#""id":2"#);
    let events =
        format!(": hello\n\ndata: {PROGRESS}\n\nevent: ping\ndata: x\n\ndata: {other}\n\nid: 7\ndata:\n\n");
    let answer = ANSWER.replace(",\"result\"", ",\ndata: \"result\"");
    let rest = format!("data: {answer}\n\n");
    for size in [1, 7, 10_000] {
        let mut pieces = vec![event_head()];
        let stream = format!("{events}{rest}").into_bytes();
        let chunks = stream.chunks(size).map(|piece| chunk(std::str::from_utf8(piece).unwrap()));
        // In few writes, whatever the size of the chunks.
        pieces.push(chunks.flatten().collect());
        pieces.push(LAST_CHUNK.to_vec());
        let server = Scripted::new(pieces, true).await;
        let client = server.client().await;
        // A connection is used again when the end of the stream was read, which may take a moment.
        let connections = || *server.connections.lock().unwrap();
        let used_again = async {
            loop {
                let before = connections();
                let (answer, messages) = ask(&client).await;
                assert_eq!(answer.unwrap().outcome.unwrap().as_str(), r#"{"ok":true}"#);
                assert_eq!(messages, ["notifications/progress", "answer to Some(Number(2))"]);
                if connections() == before {
                    return;
                }
            }
        };
        settled(used_again).await;
    }
}

#[tokio::test]
async fn noise_on_a_stream_does_not_hide_the_answer() {
    let events = format!("data: {{\n\ndata: hello\n\ndata: {ANSWER}\n\n");
    let server = Scripted::answering([event_head(), chunk(&events), LAST_CHUNK.to_vec()].concat()).await;
    assert!(outcome(&server).await.unwrap().outcome.is_ok());
}

#[tokio::test]
async fn a_batch_is_taken_apart() {
    let server = Scripted::answering(json_response(&format!("[{PROGRESS},{ANSWER}]"))).await;
    let (answer, messages) = ask(&server.client().await).await;
    assert!(answer.unwrap().outcome.is_ok());
    assert_eq!(messages, ["notifications/progress"]);
}

#[tokio::test]
async fn a_status_of_failure_comes_with_what_the_body_says() {
    let error = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32022, "message": "no", "data": {"supported": ["x"]}}});
    let server = Scripted::answering(with_body(
        "400 Bad Request\r\nContent-Type: application/json",
        &error.to_string(),
    ))
    .await;
    let Err(HttpError::Status { status, rpc: Some(rpc), .. }) = outcome(&server).await else { panic!() };
    assert_eq!((status.as_u16(), rpc.code), (400, -32022));
    assert_eq!(rpc.data.unwrap().as_str(), r#"{"supported":["x"]}"#);
    let long = "ä".repeat(2000);
    let server = Scripted::answering(with_body("502 Bad Gateway\r\nContent-Type: text/html", &long)).await;
    let Err(HttpError::Status { status, rpc: None, body, .. }) = outcome(&server).await else { panic!() };
    assert_eq!((status.as_u16(), body.chars().count()), (502, 512));
    let redirect = format!("302 Found\r\nLocation: http://{}/elsewhere", server.address);
    let server = Scripted::answering(with_body(&redirect, "")).await;
    let Err(HttpError::Status { status, body, .. }) = outcome(&server).await else { panic!() };
    assert!(body.starts_with("it points to http://") && body.ends_with("/elsewhere"), "{body}");
    assert_eq!(
        (status.as_u16(), server.requests.lock().unwrap().len()),
        (302, 1),
        "redirects are not followed"
    );
    let posted = server.client().await.post(HEAD, Bytes::new()).await;
    assert!(matches!(posted, Err(HttpError::Status { .. })));
}

#[tokio::test]
async fn what_is_no_answer_is_a_broken_protocol() {
    let ended = |events: &str| [event_head(), chunk(events), LAST_CHUNK.to_vec()].concat();
    for (what, response) in [
        ("HTML", with_body("200 OK\r\nContent-Type: text/html", "<html>").into_bytes()),
        ("nothing", with_body("202 Accepted", "").into_bytes()),
        ("bad JSON", json_response("{").into_bytes()),
        ("no message", json_response("{}").into_bytes()),
        ("a notification", json_response(PROGRESS).into_bytes()),
        ("another answer", json_response(&ANSWER.replace(r#""id":1"#, r#""id":2"#)).into_bytes()),
        ("an empty batch", json_response("[]").into_bytes()),
        ("bad JSON in an event", ended("data: {\n\n")),
    ] {
        let server = Scripted::answering(response).await;
        let answer = outcome(&server).await;
        match what {
            // It is nothing that a server would say.
            "HTML" | "nothing" => assert!(matches!(answer, Err(HttpError::Foreign(_))), "{what}: {answer:?}"),
            _ => assert!(matches!(answer, Err(HttpError::Protocol(_))), "{what}: {answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_is_broken() {
    let ended = |events: &str| [event_head(), chunk(events), LAST_CHUNK.to_vec()].concat();
    for (what, response) in [
        ("no head", Vec::new()),
        ("half a head", b"HTTP/1.1 200 OK\r\nContent-".to_vec()),
        ("half a body", json_response(ANSWER).as_bytes()[..100].to_vec()),
        ("half a stream", [event_head(), chunk(": hello\n\n")].concat()),
        ("a stream without events", ended("\n")),
        ("half an event", ended(&format!("data: {ANSWER}\n"))),
        ("a stream that could be resumed", ended("id: 1\ndata:\n\n")),
    ] {
        let server = Scripted::new(vec![response], false).await;
        let answer = outcome(&server).await;
        assert!(matches!(answer, Err(HttpError::Broken(_))), "{what}: {answer:?}");
    }
}

#[tokio::test]
async fn no_connection_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for (host, why) in [(address.to_string(), "refused"), ("no-such-host.invalid".to_owned(), "lookup")] {
        let url = format!("http://{host}/mcp?key=secret");
        let client = HttpClient::new(&url, Access::default(), &Limits::default()).await.unwrap();
        let (answer, _) = ask(&client).await;
        let Err(HttpError::Connect { address, source }) = answer else { panic!("{url}: {answer:?}") };
        assert_eq!(address, host);
        assert!(source.to_string().contains(why), "{source}");
    }
}

#[tokio::test]
async fn a_giant_answer_is_cut_off() {
    let limits = Limits { message_bytes: 1000, ..Limits::default() };
    let giant = ANSWER.replace("true", &format!("{:?}", "x".repeat(1000)));
    let endless_event = [event_head(), chunk(&format!("data: {}", "x".repeat(1001)))].concat();
    let announced =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{";
    for (what, response, keep) in [
        ("JSON", json_response(&giant).into_bytes(), true),
        ("an event", [event_head(), chunk(&format!("data: {giant}\n\n"))].concat(), true),
        ("an event without end", endless_event, true),
        ("a claim", announced.as_bytes().to_vec(), false),
    ] {
        let server = Scripted::new(vec![response], keep).await;
        let (answer, _) = ask(&server.client_with(limits.clone()).await).await;
        assert!(matches!(answer, Err(HttpError::TooLarge { limit: 1000 })), "{what}: {answer:?}");
    }
}

#[tokio::test]
async fn a_dropped_exchange_closes_its_connection() {
    for pieces in [vec![], vec![event_head(), chunk(": hello\n\n")]] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let client = HttpClient::new(&url, Access::default(), &Limits::default()).await.unwrap();
        let asking = tokio::spawn(async move { ask(&client).await.0.map(|_| ()) });
        let (mut stream, _) = settled(listener.accept()).await.unwrap();
        settled(read_request(&mut stream)).await.unwrap();
        for piece in pieces {
            stream.write_all(&piece).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        asking.abort();
        let mut rest = Vec::new();
        settled(stream.read_to_end(&mut rest)).await.unwrap_or_default();
    }
}

#[tokio::test]
async fn exchanges_past_the_limit_wait_and_other_messages_do_not() {
    let limits = Limits { http_connections: 1, ..Limits::default() };
    let server = Scripted::new(vec![event_head()], true).await;
    let client = server.client_with(limits).await;
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { ask(&client).await.0.map(|_| ()) })
        })
        .collect();
    let requests = || server.requests.lock().unwrap().len();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(requests(), 1);
    settled(client.post(HEAD, Bytes::from_static(b"{}"))).await.unwrap();
    assert_eq!(requests(), 2);
    for waiting in waiting {
        waiting.abort();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(requests(), 4);
}

#[tokio::test]
async fn a_bad_url_or_header_is_a_misuse() {
    let limits = Limits::default();
    for url in [
        "",
        "localhost:8000",
        "ftp://localhost/mcp",
        "http://",
        "http://user:secret@localhost/mcp",
        "unix:/x",
    ] {
        let error = HttpClient::new(url, Access::default(), &limits).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse, "{url}");
        assert!(!error.to_string().contains("secret"));
    }
    for (name, value) in [
        ("Content-Type", "x"),
        ("mcp-session-id", "x"),
        ("Host", "x"),
        ("a b", "x"),
        ("", "x"),
        ("X-Key", "se\ncret"),
    ] {
        let error = HttpClient::new(
            "http://localhost/",
            Access { headers: vec![(name.into(), value.into())], ..Access::default() },
            &limits,
        )
        .await
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse, "{name}");
        assert!(!error.to_string().contains("cret"), "{error}");
    }
}

#[tokio::test]
async fn secrets_are_sent_and_not_shown() {
    let server = Scripted::answering(json_response(ANSWER)).await;
    let headers = vec![("Authorization".to_owned(), "Bearer secret-1".to_owned())];
    let url = format!("http://{}/mcp?key=secret-2#secret-3", server.address);
    let client =
        HttpClient::new(&url, Access { headers, ..Access::default() }, &Limits::default()).await.unwrap();
    ask(&client).await.0.unwrap();
    let request = server.requests.lock().unwrap()[0].clone();
    assert!(request.starts_with("POST /mcp?key=secret-2 HTTP/1.1") && request.contains("Bearer secret-1"));
    let shown = format!("{client:?}");
    assert!(shown.contains("/mcp") && !shown.contains("secret"), "{shown}");
}
