//! The UniFFI surface, used as Kotlin and Swift use it: one dispatcher drains one queue.

use std::sync::Arc;
use std::thread;

use oxmcp_ffi::{FfiClient, FfiError, FfiEvent, FfiEventKind, FfiOperation, FfiQueue, FfiServer};
use serde_json::{Value, json};

const DEFAULT: i64 = -1;

/// How long to wait for what must come.
const PATIENCE_MS: i64 = 60_000;

fn server(queue: &FfiQueue) -> Arc<FfiServer> {
    let server = FfiServer::new(r#"{"name":"surface","version":"1.0.0"}"#, queue).expect("a server");
    server.add_tool(r#"{"name":"double","inputSchema":{"type":"object"}}"#, 7).expect("a tool");
    server
}

fn next(queue: &FfiQueue) -> FfiEvent {
    let mut events = queue.wait_drain(1, PATIENCE_MS).expect("it never fails");
    assert_eq!(events.len(), 1, "an event comes");
    events.remove(0)
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("what crosses is JSON")
}

#[test]
fn a_call_goes_round_through_one_queue() {
    let queue = FfiQueue::new();
    let server = server(&queue);
    let client = FfiClient::open_in_memory(&server, "{}", 1, &queue).expect("a client");
    let opened = next(&queue);
    assert_eq!((opened.kind, opened.id), (FfiEventKind::Completed, 1));
    assert_eq!(json(&opened.json)["serverInfo"]["name"], "surface");

    let params = br#"{"name":"double","arguments":{"of":21}}"#;
    client
        .submit(FfiOperation::CallTool as u8, params, DEFAULT, DEFAULT, true, 2)
        .expect("a known operation");
    let call = next(&queue);
    assert_eq!((call.kind, call.target), (FfiEventKind::ToolCall, 7));
    assert_eq!(json(&call.json), json!({"of": 21}));
    let context = server.call_context(call.id).expect("the call is in flight");
    assert_eq!(json(&context)["progress"], true);

    assert!(server.progress(call.id, 1.0, f64::NAN, ""));
    assert!(server.progress(call.id, 2.0, 2.0, "half way"));
    assert!(server.respond_result(call.id, br#"{"content":[],"structuredContent":{"twice":42}}"#));
    assert!(!server.respond_text(call.id, "again".to_owned()));
    assert!(server.call_context(call.id).is_none());
    assert_eq!(json(&next(&queue).json), json!({"progress": 1.0}));
    assert_eq!(json(&next(&queue).json), json!({"progress": 2.0, "total": 2.0, "message": "half way"}));
    let settled = next(&queue);
    assert_eq!((settled.kind, settled.id), (FfiEventKind::Completed, 2));
    assert_eq!(json(&settled.json)["structuredContent"]["twice"], 42);

    client.watch_closed(3).expect("it never fails");
    client.close_connection(4).expect("it never fails");
    let mut ended = [next(&queue).id, next(&queue).id];
    ended.sort_unstable();
    assert_eq!(ended, [3, 4]);
    server.close_server(5).expect("it never fails");
    assert_eq!(next(&queue).id, 5);
}

#[test]
fn the_other_answers_arrive_as_what_they_are() {
    let queue = FfiQueue::new();
    let server = server(&queue);
    let client = FfiClient::open_in_memory(&server, "{}", 1, &queue).expect("a client");
    assert_eq!(next(&queue).kind, FfiEventKind::Completed);
    let call = || {
        client
            .submit(FfiOperation::CallTool as u8, br#"{"name":"double"}"#, DEFAULT, DEFAULT, false, 2)
            .expect("a known operation");
        next(&queue).id
    };

    assert!(server.respond_text(call(), "text".to_owned()));
    assert_eq!(json(&next(&queue).json)["content"][0]["text"], "text");
    assert!(server.respond_tool_error(call(), "broken".to_owned()));
    assert_eq!(json(&next(&queue).json)["isError"], true);
    assert!(server.respond_error(call(), -32000, "no".to_owned(), Some(b"[1]".to_vec())));
    let failed = next(&queue);
    assert_eq!(failed.kind, FfiEventKind::Failed);
    let error = json(&failed.json);
    assert_eq!(
        (&error["kind"], &error["code"], &error["data"]),
        (&json!("Rpc"), &json!(-32000), &json!([1]))
    );

    let abandoned = call();
    assert!(client.cancel(2));
    let mut kinds = [next(&queue), next(&queue)].map(|event| (event.kind, event.id));
    kinds.sort_by_key(|(_, id)| *id != 2);
    assert_eq!(kinds, [(FfiEventKind::Failed, 2), (FfiEventKind::CallCancelled, abandoned)]);
    assert!(server.remove_tool("double"));
    assert!(!server.remove_tool("double"));
}

#[test]
fn a_failure_at_once_has_the_form_of_one_that_comes_later() {
    let queue = FfiQueue::new();
    let Err(FfiError::Failed { error }) = FfiClient::open(r#"{"nonsense":1}"#, 1, &queue) else {
        panic!("an unknown key is refused");
    };
    assert_eq!(json(&error)["kind"], "Misuse");

    let client = FfiClient::open(r#"{"command":"/nonexistent/program"}"#, 1, &queue).expect("it fails later");
    assert_eq!(json(&next(&queue).json)["kind"], "Connect");
    let Err(FfiError::Failed { error }) = client.submit(99, b"{}", DEFAULT, DEFAULT, false, 2) else {
        panic!("there is no operation 99");
    };
    assert_eq!(json(&error)["kind"], "Misuse");
}

#[test]
fn shutting_down_wakes_the_dispatcher() {
    let queue = FfiQueue::new();
    assert!(queue.wait_drain(16, 0).expect("it never fails").is_empty());
    assert!(!queue.is_shut_down());
    let dispatcher = thread::spawn({
        let queue = queue.clone();
        move || queue.wait_drain(16, -1)
    });
    queue.shut_down();
    let drained = dispatcher.join().expect("it does not panic").expect("it never fails");
    assert!(drained.is_empty());
    assert!(queue.is_shut_down());
    assert!(queue.wait_drain(16, -1).expect("it never fails").is_empty());
}

#[test]
fn large_events_cross_a_few_at_a_time_and_in_order() {
    let queue = FfiQueue::new();
    let server = server(&queue);
    let client = FfiClient::open_in_memory(&server, "{}", 1, &queue).expect("a client");
    assert_eq!(next(&queue).kind, FfiEventKind::Completed);
    let calls: Vec<_> = (2..6)
        .map(|id| {
            client
                .submit(FfiOperation::CallTool as u8, br#"{"name":"double"}"#, DEFAULT, DEFAULT, false, id)
                .expect("a known operation");
            next(&queue).id
        })
        .collect();
    for call in calls {
        assert!(server.respond_text(call, "x".repeat(3 << 20)));
    }
    let mut settled = Vec::new();
    while settled.len() < 4 {
        let events = queue.wait_drain(16, PATIENCE_MS).expect("it never fails");
        assert!((1..=2).contains(&events.len()), "{} events of 3 MiB at once", events.len());
        settled.extend(events.iter().map(|event| event.id));
    }
    settled.sort_unstable();
    assert_eq!(settled, [2, 3, 4, 5]);
}
