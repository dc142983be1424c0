use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use oxmcp_bridge::{CallOptions, CallOutcome, Client, EventKind, Operation, Queue, Server};
use serde_json::json;

use crate::binding::Binding;
use crate::toolbox::Toolbox;

#[test]
fn closing_a_client_fails_what_is_outstanding_and_tells_when_it_is_done() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    let closed = binding.id();
    client.closed(closed, &binding.queue);
    let naps: Vec<u64> = (0..10).map(|_| binding.call(&client, "nap", json!({}))).collect();
    assert!(binding.rest().is_empty(), "`closed` does not settle before its time");

    assert_eq!(binding.run(|id, queue| client.close(id, queue)), json!({}));
    for nap in naps {
        assert_eq!(binding.error(nap), "Closed");
        assert!(!client.cancel(nap, &binding.queue));
    }
    assert_eq!(binding.result(closed), json!({}));
    assert_eq!(binding.run(|id, queue| client.close(id, queue)), json!({}));
    assert_eq!(binding.run(|id, queue| client.closed(id, queue)), json!({}));
    let late = binding.call(&client, "echo", json!({}));
    assert_eq!(binding.error(late), "Closed");
    assert!(binding.rest().is_empty());
}

#[test]
fn closing_a_client_that_is_being_opened_ends_that_too() {
    let binding = Binding::new();
    let open = binding.id();
    let config = r#"{"command": "sleep", "args": ["1000"]}"#;
    let client = Client::open(config, open, &binding.queue).unwrap();
    let call = binding.call(&client, "echo", json!({}));
    binding.run(|id, queue| client.close(id, queue));
    assert_eq!(binding.error(open), "Closed");
    assert_eq!(binding.error(call), "Closed");
}

#[test]
fn dropping_a_client_settles_what_is_outstanding() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    let twin = client.clone();
    let nap = binding.call(&client, "nap", json!({}));
    drop(client);
    binding.result(binding.call(&twin, "echo", json!({})));
    drop(twin);
    assert_eq!(binding.error(nap), "Closed");

    let open = binding.id();
    let config = r#"{"command": "sleep", "args": ["1000"]}"#;
    let opening = Client::open(config, open, &binding.queue).unwrap();
    let waiting = binding.call(&opening, "echo", json!({}));
    drop(opening);
    assert_eq!(binding.error(open), "Closed");
    assert_eq!(binding.error(waiting), "Closed");
}

#[test]
fn closing_a_server_ends_the_calls_that_are_with_the_binding() {
    let binding = Binding::new();
    let server = Server::new(r#"{"name": "short", "version": "1"}"#, &binding.queue).unwrap();
    server.add_tool(r#"{"name": "nap"}"#, 1).unwrap();
    let client = binding.connect(&server);
    let closed = binding.id();
    client.closed(closed, &binding.queue);
    let nap = binding.call(&client, "nap", json!({}));
    let call = binding.take_kind(EventKind::ToolCall);
    assert_eq!(binding.run(|id, queue| server.close(id, queue)), json!({}));
    binding.outcome(nap).unwrap_err();
    assert_eq!(binding.result(closed), json!({}));
    assert_eq!(binding.take_kind(EventKind::CallCancelled).id, call.id);
    assert!(!server.respond(call.id, CallOutcome::Text("too late".into())));
    assert_eq!(server.call_context(call.id), None);
    assert_eq!(binding.run(|id, queue| server.close(id, queue)), json!({}));

    let listen = binding.id();
    server.listen_http("{}", listen, &binding.queue);
    assert_eq!(binding.error(listen), "Misuse");
    let stdio = binding.id();
    server.serve_stdio(stdio, &binding.queue);
    assert_eq!(binding.error(stdio), "Misuse");
    assert!(binding.rest().is_empty());
}

#[test]
fn dropping_the_last_server_closes_it() {
    let binding = Binding::new();
    let server = Server::new(r#"{"name": "short", "version": "1"}"#, &binding.queue).unwrap();
    server.add_tool(r#"{"name": "nap"}"#, 1).unwrap();
    let client = binding.connect(&server);
    let closed = binding.id();
    client.closed(closed, &binding.queue);
    let nap = binding.call(&client, "nap", json!({}));
    let call = binding.take_kind(EventKind::ToolCall);
    drop(server);
    binding.outcome(nap).unwrap_err();
    assert_eq!(binding.take_kind(EventKind::CallCancelled).id, call.id);
    assert_eq!(binding.result(closed), json!({}));
}

/// A server that says its process number in a file, and goes on as `then` says.
struct Process {
    file: PathBuf,
    config: String,
}

impl Process {
    fn new(name: &str, then: &str) -> Self {
        let file = std::env::temp_dir().join(format!("oxmcp-bridge-{name}-{}", std::process::id()));
        let silent = format!("{}/tests/contract/silent_server.sh", env!("CARGO_MANIFEST_DIR"));
        // In one piece, so that nobody reads half a number.
        let script = format!(r#"echo $$ > "$1.new"; mv "$1.new" "$1"; {then}"#);
        let config = json!({"command": "sh", "args": ["-c", script, "sh", file, silent]}).to_string();
        Self { file, config }
    }

    /// Its number, as soon as it has said it.
    fn number(&self) -> libc::pid_t {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            if let Ok(number) = std::fs::read_to_string(&self.file) {
                std::fs::remove_file(&self.file).unwrap();
                return number.trim().parse().unwrap();
            }
            assert!(Instant::now() < until, "the process never started");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn is_alive(process: libc::pid_t) -> bool {
    // SAFETY: signal 0 only asks.
    unsafe { libc::kill(process, 0) == 0 }
}

#[test]
fn closing_or_cancelling_an_opening_ends_its_process_before_close_is_told() {
    for round in 0..10 {
        let binding = Binding::new();
        // It ignores the end of its input, and a request to end.
        let process = Process::new("opening", r#"trap "" TERM; while :; do sleep 1; done"#);
        let open = binding.id();
        let client = Client::open(&process.config, open, &binding.queue).unwrap();
        let number = process.number();
        assert!(is_alive(number));
        if round % 2 == 0 {
            assert!(client.cancel(open, &binding.queue));
            assert_eq!(binding.error(open), "Cancelled");
        }
        let (closed, first, second) = (binding.id(), binding.id(), binding.id());
        client.closed(closed, &binding.queue);
        client.close(first, &binding.queue);
        client.close(second, &binding.queue);
        for operation in [second, first, closed] {
            assert_eq!(binding.result(operation), json!({}));
            assert!(!is_alive(number), "round {round}");
        }
        if round % 2 == 1 {
            assert_eq!(binding.error(open), "Closed");
        }
        assert!(binding.rest().is_empty());
    }
}

#[test]
fn every_close_waits_until_the_process_is_gone() {
    let binding = Binding::new();
    // It has something to finish when its input ends.
    let process = Process::new("finishing", r#"sh "$2"; sleep 0.5"#);
    let open = binding.id();
    let client = Client::open(&process.config, open, &binding.queue).unwrap();
    binding.result(open);
    let number = process.number();
    let closes: Vec<u64> = (0..5).map(|_| binding.id()).collect();
    for close in &closes {
        client.clone().close(*close, &binding.queue);
    }
    drop(client);
    for close in closes.into_iter().rev() {
        assert_eq!(binding.result(close), json!({}));
        assert!(!is_alive(number));
    }
}

#[test]
fn every_close_of_a_server_waits_until_nothing_is_served() {
    let binding = Binding::new();
    let server = Server::new(r#"{"name": "short", "version": "1"}"#, &binding.queue).unwrap();
    let listening = binding.run(|id, queue| server.listen_http("{}", id, queue));
    // A request is in flight whose body the server waits for; it has said so.
    let port = u16::try_from(listening["port"].as_u64().unwrap()).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\
                Expect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let (first, second) = (binding.id(), binding.id());
    server.close(first, &binding.queue);
    server.close(second, &binding.queue);
    binding.result(second);
    stream.set_nonblocking(true).unwrap();
    let read = stream.read(&mut [0; 1]);
    assert!(
        !matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock),
        "the connection is still there"
    );
    binding.result(first);
}

#[test]
fn closing_the_queue_of_its_calls_answers_what_a_server_has_in_flight() {
    let binding = Binding::new();
    let calls = Queue::new(None);
    let server = Server::new(r#"{"name": "gone", "version": "1"}"#, &calls).unwrap();
    server.add_tool(r#"{"name": "nap"}"#, 1).unwrap();
    let client = binding.connect(&server);
    let taken = binding.call(&client, "nap", json!({}));
    assert!(calls.wait(Some(Duration::from_secs(10))));
    assert_eq!(calls.drain(1)[0].kind, EventKind::ToolCall);
    let waiting = binding.call(&client, "nap", json!({}));
    assert!(calls.wait(Some(Duration::from_secs(10))));
    calls.close();
    for call in [taken, waiting] {
        let error = binding.outcome(call).unwrap_err();
        assert_eq!((&error["kind"], &error["code"]), (&json!("Rpc"), &json!(-32603)));
    }
}

/// The handles of a binding, to drop in any order.
struct Handles {
    binding: Option<Binding>,
    toolbox: Option<Toolbox>,
    client: Option<Client>,
    http_client: Option<Client>,
}

impl Handles {
    fn new() -> Self {
        let (binding, toolbox) = (Binding::new(), Toolbox::new());
        let client = binding.connect(&toolbox.server);
        let listening = binding.run(|id, queue| toolbox.server.listen_http("{}", id, queue));
        let open = binding.id();
        let config = json!({"url": listening["url"]}).to_string();
        let http_client = Client::open(&config, open, &binding.queue).unwrap();
        binding.result(open);
        for client in [&client, &http_client] {
            binding.call(client, "nap", json!({}));
            binding.call(client, "echo", json!({}));
        }
        let (client, http_client) = (Some(client), Some(http_client));
        Self { binding: Some(binding), toolbox: Some(toolbox), client, http_client }
    }

    fn drop_one(&mut self, which: usize) {
        match which {
            0 => drop(self.binding.take()),
            1 => drop(self.toolbox.take()),
            2 => drop(self.client.take()),
            _ => drop(self.http_client.take()),
        }
    }
}

#[test]
fn handles_may_be_dropped_in_any_order() {
    for order in permutations(4) {
        let mut handles = Handles::new();
        let queue: Weak<Queue> = Arc::downgrade(&handles.binding.as_ref().unwrap().queue);
        for which in &order {
            handles.drop_one(*which);
        }
        // Nothing keeps the queue: no call, no client, no task.
        let until = Instant::now() + Duration::from_secs(10);
        while queue.strong_count() > 0 {
            assert!(Instant::now() < until, "{order:?}: {} still hold the queue", queue.strong_count());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for next in 0..count {
        all = all
            .into_iter()
            .flat_map(|shorter| {
                (0..=shorter.len()).map(move |at| {
                    let mut longer = shorter.clone();
                    longer.insert(at, next);
                    longer
                })
            })
            .collect();
    }
    all
}

#[test]
fn a_wake_up_may_use_every_handle() {
    // A binding's wake-up should only signal; but nothing may hang when it does more.
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    let (told, heard) = std::sync::mpsc::channel();
    let queue = Queue::new(Some(Box::new({
        let (client, binding_queue) = (client.clone(), binding.queue.clone());
        move || {
            client.submit(Operation::Ping, b"{}", CallOptions::default(), 1_000_000, &binding_queue);
            told.send(()).unwrap();
        }
    })));
    client.submit(Operation::Ping, b"{}", CallOptions::default(), 1, &queue);
    heard.recv_timeout(Duration::from_secs(10)).unwrap();
    binding.result(1_000_000);
}
