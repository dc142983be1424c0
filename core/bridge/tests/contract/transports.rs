use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use oxmcp_bridge::{CallOptions, Client, Operation};
use serde_json::{Value, json};

use crate::binding::Binding;
use crate::toolbox::Toolbox;

/// The example server, which was built with these tests.
fn example_server() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().and_then(|deps| deps.parent()).unwrap().join("examples/server");
    assert!(path.exists(), "{} is missing; `cargo test -p oxmcp-bridge` builds it", path.display());
    path
}

fn stdio() -> Value {
    json!({"command": example_server()})
}

/// Starts the example server by a script that first says its process number in a file.
fn stdio_with_number(file: &PathBuf) -> Value {
    json!({"command": "sh", "args": ["-c", r#"echo $$ > "$1"; exec "$2""#, "sh", file, example_server()]})
}

fn open(binding: &Binding, config: &Value) -> Client {
    let id = binding.id();
    let client = Client::open(&config.to_string(), id, &binding.queue).unwrap();
    binding.result(id);
    client
}

fn is_alive(process: &str) -> bool {
    Command::new("sh").args(["-c", "kill -0 \"$1\" 2>/dev/null", "sh", process]).status().unwrap().success()
}

#[test]
fn every_transport_in_every_era_does_the_same() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let listening = binding.run(|id, queue| toolbox.server.listen_http("{}", id, queue));
    assert_eq!(listening["host"], "127.0.0.1");
    assert_eq!(listening["url"], format!("http://127.0.0.1:{}/mcp", listening["port"]));

    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] {
        for mut config in [stdio(), json!({"url": listening["url"]})] {
            config["protocolVersion"] = version.into();
            let id = binding.id();
            let client = Client::open(&config.to_string(), id, &binding.queue).unwrap();
            let info = binding.result(id);
            assert_eq!(info["protocolVersion"], version);
            assert!(info["serverInfo"]["name"].is_string() && info["capabilities"]["tools"].is_object());

            let echoed = binding.result(binding.call(&client, "echo", json!({"a": 1})));
            assert_eq!(echoed["content"][0]["text"], r#"{"a":1}"#);
            let wanted = CallOptions { progress: true, ..CallOptions::default() };
            let count = binding.call_with(&client, "count", json!({}), wanted);
            for step in 1..=3 {
                let event = binding.take(|event| event.id == count);
                let progress: Value = serde_json::from_slice(&event.json).unwrap();
                assert_eq!(progress["progress"], f64::from(step), "{config}");
            }
            binding.result(count);
            let nap = binding.call(&client, "nap", json!({}));
            assert!(client.cancel(nap, &binding.queue));
            assert_eq!(binding.error(nap), "Cancelled");
            let unknown = binding.outcome(binding.call(&client, "unknown", json!({}))).unwrap_err();
            assert_eq!((&unknown["kind"], &unknown["code"]), (&json!("Rpc"), &json!(-32602)));
            assert_eq!(binding.run(|id, queue| client.close(id, queue)), json!({}));
        }
    }
    assert!(binding.rest().is_empty());
}

#[test]
fn a_revision_is_negotiated_when_none_is_named() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let listening = binding.run(|id, queue| toolbox.server.listen_http("{}", id, queue));
    for config in [stdio(), json!({"url": listening["url"]})] {
        let id = binding.id();
        let _client = Client::open(&config.to_string(), id, &binding.queue).unwrap();
        assert_eq!(binding.result(id)["protocolVersion"], "2026-07-28");
    }
}

#[test]
fn a_server_that_exits_fails_what_is_outstanding() {
    let binding = Binding::new();
    let client = open(&binding, &stdio());
    let closed = binding.id();
    client.closed(closed, &binding.queue);
    let naps: Vec<u64> = (0..10).map(|_| binding.call(&client, "nap", json!({}))).collect();
    let exit = binding.call(&client, "exit", json!({}));
    for call in naps.into_iter().chain([exit]) {
        assert_eq!(binding.error(call), "Closed");
    }
    assert_eq!(binding.result(closed), json!({}));
    let late = binding.call(&client, "echo", json!({}));
    assert_eq!(binding.error(late), "Closed");
    assert!(binding.rest().is_empty());
}

#[test]
fn closing_a_client_ends_the_process_before_it_is_told() {
    let binding = Binding::new();
    let file = std::env::temp_dir().join(format!("oxmcp-bridge-closing-{}", std::process::id()));
    let client = open(&binding, &stdio_with_number(&file));
    let number = std::fs::read_to_string(&file).unwrap();
    assert!(is_alive(number.trim()));
    binding.run(|id, queue| client.close(id, queue));
    assert!(!is_alive(number.trim()));
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn dropping_a_client_ends_the_process_in_the_background() {
    let binding = Binding::new();
    let file = std::env::temp_dir().join(format!("oxmcp-bridge-dropping-{}", std::process::id()));
    let client = open(&binding, &stdio_with_number(&file));
    let number = std::fs::read_to_string(&file).unwrap();
    drop(client);
    let until = Instant::now() + Duration::from_secs(10);
    while is_alive(number.trim()) {
        assert!(Instant::now() < until, "the process lives on");
        std::thread::sleep(Duration::from_millis(10));
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_call_cancelled_before_the_connection_is_there_is_never_made() {
    let binding = Binding::new();
    let open = binding.id();
    let script = r#"sleep 0.2; exec "$1""#;
    let config = json!({"command": "sh", "args": ["-c", script, "sh", example_server()]});
    let client = Client::open(&config.to_string(), open, &binding.queue).unwrap();
    let exit = binding.call(&client, "exit", json!({}));
    assert!(client.cancel(exit, &binding.queue));
    assert_eq!(binding.error(exit), "Cancelled");
    binding.result(open);
    let echoed = binding.call(&client, "echo", json!({}));
    binding.result(echoed);
}

#[test]
fn http_is_served_until_the_server_is_closed() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let listening = binding.run(|id, queue| toolbox.server.listen_http("{}", id, queue));
    let address = ("127.0.0.1", listening["port"].as_u64().unwrap() as u16);
    let url = json!({"url": listening["url"]});
    let client = open(&binding, &url);
    let nap = binding.call(&client, "nap", json!({}));
    let ping = binding.id();
    client.submit(Operation::Ping, b"{}", CallOptions::default(), ping, &binding.queue);
    binding.result(ping);

    binding.run(|id, queue| toolbox.server.close(id, queue));
    binding.outcome(nap).unwrap_err();
    assert!(TcpStream::connect(address).is_err());
    // The client may not have noticed yet that its old connection is gone.
    let late = binding.call(&client, "echo", json!({}));
    assert!(["Connect", "Closed"].contains(&binding.error(late).as_str()));
    let open = binding.id();
    let _client = Client::open(&url.to_string(), open, &binding.queue).unwrap();
    assert_eq!(binding.error(open), "Connect");
}

#[test]
fn http_ends_when_the_last_server_is_dropped() {
    let binding = Binding::new();
    let server = oxmcp_bridge::Server::new(r#"{"name": "short", "version": "1"}"#, &binding.queue).unwrap();
    let twin = server.clone();
    let listening = binding.run(|id, queue| server.listen_http("{}", id, queue));
    let address = ("127.0.0.1", listening["port"].as_u64().unwrap() as u16);
    drop(server);
    assert!(TcpStream::connect(address).is_ok());
    drop(twin);
    let until = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < until, "the port is still open");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn listening_where_it_cannot_be_is_refused() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let listening = binding.run(|id, queue| toolbox.server.listen_http("{}", id, queue));
    for (config, kind) in [
        ("{".to_owned(), "Misuse"),
        (r#"{"prot": 1}"#.to_owned(), "Misuse"),
        (r#"{"port": 65536}"#.to_owned(), "Misuse"),
        (r#"{"path": "mcp"}"#.to_owned(), "Misuse"),
        (r#"{"host": "0.0.0.0"}"#.to_owned(), "Misuse"),
        (r#"{"allowedOrigins": ["example.com"]}"#.to_owned(), "Misuse"),
        (json!({"port": listening["port"]}).to_string(), "Connect"),
        (r#"{"host": "no.such.host.invalid", "allowedHosts": ["x"]}"#.to_owned(), "Connect"),
    ] {
        let id = binding.id();
        toolbox.server.listen_http(&config, id, &binding.queue);
        assert_eq!(binding.error(id), kind, "{config}");
    }
    // A path of one's own is served, and nothing else is.
    let other = binding.run(|id, queue| toolbox.server.listen_http(r#"{"path": "/other"}"#, id, queue));
    assert!(other["url"].as_str().unwrap().ends_with("/other"));
    open(&binding, &json!({"url": other["url"]}));
}

#[test]
fn a_request_from_a_web_page_of_elsewhere_never_reaches_a_tool() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let listening = binding.run(|id, queue| toolbox.server.listen_http("{}", id, queue));
    let port = listening["port"].as_u64().unwrap() as u16;
    for header in ["Host: evil.example", "Host: localhost\r\nOrigin: https://evil.example"] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "POST /mcp HTTP/1.1\r\n{header}\r\nContent-Length: 0\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 403");
    }
}
