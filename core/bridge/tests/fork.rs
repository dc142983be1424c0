//! What happens after `fork`. It is a program of its own, so that no other test's threads are in the way.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]
#![cfg(unix)]

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use oxmcp_bridge::{
    CallOptions, CallOutcome, Client, ErrorKind, Event, EventKind, Operation, Process, Queue, Server,
};
use serde_json::{Value, json};

#[test]
fn a_forked_child_is_refused_its_parents_handles_and_the_parent_is_none_the_worse() {
    let queue = Queue::new(None);
    let server = Server::new(r#"{"name": "parent", "version": "1"}"#, &queue).unwrap();
    server.add_tool(r#"{"name": "echo"}"#, 1).unwrap();
    let memory = Client::open_in_memory(&server, "{}", 1, &queue).unwrap();
    assert_eq!(next(&queue).kind, EventKind::Completed);
    let stdio = Client::open(&example_server(), 1, &queue).unwrap();
    assert_eq!(next(&queue).kind, EventKind::Completed);
    server.listen_http("{}", 1, &queue);
    let listening: Value = serde_json::from_slice(&next(&queue).json).unwrap();
    let http = Client::open(&json!({"url": listening["url"]}).to_string(), 1, &queue).unwrap();
    assert_eq!(next(&queue).kind, EventKind::Completed);

    let handles = RefCell::new(Some(([memory, stdio, http], server)));
    let child = in_child(|| {
        // What the child takes out of its copy is still in the parent's.
        let (clients, server) = handles.take().unwrap();
        let refused = Client::open_in_memory(&server, "{}", 2, &queue).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Misuse);
        assert!(refused.message().contains("fork"), "{refused}");
        assert_eq!(server.add_tool(r#"{"name": "late"}"#, 2).unwrap_err().kind(), ErrorKind::Misuse);
        assert!(!server.remove_tool("echo"));
        assert!(!server.respond(1, CallOutcome::Text(String::new())));
        assert_eq!(server.call_context(1), None);
        server.listen_http("{}", 3, &queue);
        expect_misuse(&queue, 3);
        server.serve_stdio(4, &queue);
        expect_misuse(&queue, 4);
        for client in &clients {
            client.submit(Operation::CallTool, br#"{"name": "echo"}"#, CallOptions::default(), 5, &queue);
            expect_misuse(&queue, 5);
            client.closed(6, &queue);
            expect_misuse(&queue, 6);
            assert!(!client.cancel(7, &queue));
            assert!(format!("{client:?} {server:?}").contains("parent"));
        }
        // Letting go works, and lets go of nothing that is the parent's.
        clients[0].close(8, &queue);
        expect_misuse(&queue, 8);
        drop(clients);
        server.close(9, &queue);
        expect_misuse(&queue, 9);
        drop(server);
    });
    assert_eq!(child, 0, "the child found something else; see its output");

    let (clients, server) = handles.take().unwrap();
    for client in &clients {
        client.submit(Operation::CallTool, br#"{"name": "echo"}"#, CallOptions::default(), 10, &queue);
        let mut event = next(&queue);
        if event.kind == EventKind::ToolCall {
            assert!(server.respond(event.id, CallOutcome::Text("alive".into())));
            event = next(&queue);
        }
        assert_eq!((event.kind, event.id), (EventKind::Completed, 10), "{event:?}");
    }
}

#[test]
fn a_forked_child_makes_clients_and_servers_of_its_own_and_so_does_its_child() {
    use_every_transport();
    let parent = Process::current();
    let child = in_child(|| {
        assert_ne!(Process::current(), parent);
        use_every_transport();
        assert_eq!(in_child(use_every_transport), 0, "the grandchild found something else; see its output");
        use_every_transport();
    });
    assert_eq!(child, 0, "the child found something else; see its output");
    assert_eq!(Process::current(), parent);
    use_every_transport();
}

/// Makes a server and clients of it and of another program, calls a tool over each, and closes them.
fn use_every_transport() {
    let queue = Queue::new(None);
    let server = Server::new(r#"{"name": "own", "version": "1"}"#, &queue).unwrap();
    server.add_tool(r#"{"name": "echo"}"#, 1).unwrap();
    server.listen_http("{}", 1, &queue);
    let listening: Value = serde_json::from_slice(&next(&queue).json).unwrap();
    let clients = [
        Client::open_in_memory(&server, "{}", 2, &queue).unwrap(),
        Client::open(&json!({"url": listening["url"]}).to_string(), 3, &queue).unwrap(),
        Client::open(&example_server(), 4, &queue).unwrap(),
    ];
    for _ in &clients {
        expect_completed(&next(&queue));
    }
    for client in &clients {
        client.submit(Operation::CallTool, br#"{"name": "echo"}"#, CallOptions::default(), 5, &queue);
        let mut event = next(&queue);
        if event.kind == EventKind::ToolCall {
            assert!(server.respond(event.id, CallOutcome::Text("here".into())));
            event = next(&queue);
        }
        expect_completed(&event);
        client.close(6, &queue);
        expect_completed(&next(&queue));
    }
    server.close(7, &queue);
    expect_completed(&next(&queue));
}

#[test]
fn forking_in_the_middle_of_traffic_leaves_no_child_waiting_for_a_lock() {
    const CHILDREN: usize = 200;
    let calls = Queue::new(None);
    let server = Server::new(r#"{"name": "busy", "version": "1"}"#, &calls).unwrap();
    server.add_tool(r#"{"name": "echo"}"#, 1).unwrap();
    let events = Queue::new(None);
    let client = Client::open_in_memory(&server, "{}", 0, &events).unwrap();
    expect_completed(&next(&events));
    let (stop, settled) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while calls.wait(None) {
                for event in calls.drain(64) {
                    server.respond(event.id, CallOutcome::Text("busy".into()));
                }
            }
        });
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for id in 1..=64 {
                    let params = br#"{"name": "echo"}"#;
                    client.submit(Operation::CallTool, params, CallOptions::default(), id, &events);
                }
                let mut outstanding = 64;
                while outstanding > 0 {
                    outstanding -= events.drain(64).len();
                    settled.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let all_ended = catch_unwind(AssertUnwindSafe(|| {
            for round in 0..CHILDREN {
                let before = settled.load(Ordering::Relaxed);
                while settled.load(Ordering::Relaxed) == before {
                    thread::yield_now();
                }
                let handles =
                    RefCell::new(Some((client.clone(), server.clone(), events.clone(), calls.clone())));
                let child = in_child(|| {
                    let (client, server, events, calls) = handles.take().unwrap();
                    client.submit(Operation::Ping, b"{}", CallOptions::default(), 70, &events);
                    expect_misuse(&events, 70);
                    client.close(71, &events);
                    expect_misuse(&events, 71);
                    assert!(!client.cancel(1, &events));
                    server.close(72, &calls);
                    expect_misuse(&calls, 72);
                    assert!(!server.respond(1, CallOutcome::Text(String::new())));
                    assert!(!format!("{client:?} {server:?} {events:?}").is_empty());
                    calls.close();
                });
                assert_eq!(child, 0, "the child of round {round} found something else or hung");
            }
        }));
        stop.store(true, Ordering::Relaxed);
        // What is still under way is answered with an error.
        calls.close();
        if let Err(panic) = all_ended {
            std::panic::resume_unwind(panic);
        }
    });
}

#[track_caller]
fn expect_completed(event: &Event) {
    assert_eq!(event.kind, EventKind::Completed, "{event:?}");
}

/// The configuration that starts the example server, which was built with this test.
fn example_server() -> String {
    let test = std::env::current_exe().unwrap();
    let server = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples/server");
    assert!(server.exists(), "{} is missing; `cargo test -p oxmcp-bridge` builds it", server.display());
    json!({"command": server}).to_string()
}

#[track_caller]
fn next(queue: &Arc<Queue>) -> Event {
    assert!(queue.wait(Some(Duration::from_secs(30))), "nothing came");
    queue.drain(1).remove(0)
}

#[track_caller]
fn expect_misuse(queue: &Arc<Queue>, id: u64) {
    let event = next(queue);
    let error: Value = serde_json::from_slice(&event.json).unwrap();
    assert_eq!((event.kind, event.id), (EventKind::Failed, id));
    assert_eq!(error["kind"], "Misuse", "{error}");
}

/// Runs `work` in a forked process and returns its exit status: 0 when it did not panic.
fn in_child(work: impl FnOnce()) -> libc::c_int {
    // SAFETY: the child runs on a copy of this thread alone and leaves by `_exit`. The C library makes memory usable in it, and the
    // alarm ends it should it wait for a lock that another thread held.
    unsafe {
        match libc::fork() {
            0 => {
                libc::alarm(60);
                let ended = catch_unwind(AssertUnwindSafe(work));
                libc::_exit(if ended.is_ok() { 0 } else { 1 });
            }
            child => {
                assert!(child > 0, "fork failed");
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &mut status, 0), child);
                status
            }
        }
    }
}
