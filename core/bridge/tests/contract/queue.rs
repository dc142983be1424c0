use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use oxmcp_bridge::{CallOutcome, EventKind, Queue, Server};
use serde_json::json;

use crate::binding::Binding;
use crate::toolbox::Toolbox;

#[test]
fn the_wake_up_comes_when_the_queue_turns_from_empty_to_not() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    let woken = Arc::new(AtomicUsize::new(0));
    let counted = woken.clone();
    let queue = Queue::new(Some(Box::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    })));

    for round in 1..=3 {
        let ids = [10 * round, 10 * round + 1, 10 * round + 2];
        for id in ids {
            let params = json!({"name": "echo"}).to_string();
            let operation = oxmcp_bridge::Operation::CallTool;
            client.submit(operation, params.as_bytes(), Default::default(), id, &queue);
        }
        // Nothing is drained before all three are there, so one wake-up is all that may come.
        wait_for_length(&queue, 3);
        assert_eq!(woken.load(Ordering::SeqCst), round as usize);
        assert_eq!(queue.drain(2).len(), 2);
        assert_eq!(queue.drain(2).len(), 1);
        assert!(queue.drain(2).is_empty());
    }
}

#[test]
fn waiting_ends_with_an_event_with_the_time_or_with_the_queue() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    assert!(!binding.queue.wait(Some(Duration::ZERO)));
    let started = Instant::now();
    assert!(!binding.queue.wait(Some(Duration::from_millis(30))));
    assert!(started.elapsed() >= Duration::from_millis(30));

    let waiting = thread::spawn({
        let queue = binding.queue.clone();
        move || queue.wait(None)
    });
    let call = binding.call(&client, "echo", json!({}));
    assert!(waiting.join().unwrap());
    binding.result(call);

    let waiting = thread::spawn({
        let queue = binding.queue.clone();
        move || queue.wait(None)
    });
    thread::sleep(Duration::from_millis(20));
    binding.queue.close();
    assert!(!waiting.join().unwrap());
}

#[test]
fn a_closed_queue_takes_nothing_more() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    let gone = Queue::new(None);
    gone.close();
    client.submit(oxmcp_bridge::Operation::Ping, b"{}", Default::default(), 1, &gone);
    // A call behind it shows that the first has come to its end.
    binding.result(binding.call(&client, "echo", json!({})));
    assert!(gone.drain(64).is_empty());
}

#[test]
fn a_call_for_a_binding_whose_queue_is_closed_is_answered_with_an_error() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    toolbox.stop_answering();
    let call = binding.call(&client, "echo", json!({}));
    let error = binding.outcome(call).unwrap_err();
    assert_eq!((&error["kind"], &error["code"]), (&json!("Rpc"), &json!(-32603)));
    assert!(binding.rest().iter().all(|event| event.kind != EventKind::ToolCall));
}

/// Waits until so many events are in a queue that nobody drains.
#[track_caller]
fn wait_for_length(queue: &Arc<Queue>, length: usize) {
    let until = Instant::now() + Duration::from_secs(30);
    while format!("{queue:?}") != format!("Queue {{ waiting: {length}, .. }}") {
        assert!(Instant::now() < until, "there never were {length} events: {queue:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn calls_that_are_cancelled_while_the_binding_is_busy_leave_the_queue_again() {
    let binding = Binding::new();
    let woken = Arc::new(AtomicUsize::new(0));
    let counted = woken.clone();
    let calls = Queue::new(Some(Box::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    })));
    let server = Server::new(r#"{"name": "busy", "version": "1"}"#, &calls).unwrap();
    server.add_tool(r#"{"name": "nap"}"#, 1).unwrap();
    let client = binding.connect(&server);
    let stays = binding.call(&client, "nap", json!({}));
    wait_for_length(&calls, 1);

    for _ in 0..40 {
        let naps: Vec<u64> = (0..250).map(|_| binding.call(&client, "nap", json!({}))).collect();
        wait_for_length(&calls, 251);
        for nap in naps {
            assert!(client.cancel(nap, &binding.queue));
            assert_eq!(binding.error(nap), "Cancelled");
        }
        wait_for_length(&calls, 1);
    }

    assert_eq!(woken.load(Ordering::SeqCst), 1, "a wake-up that was not heard yet is not repeated");
    let events = calls.drain(usize::MAX);
    assert_eq!(events.len(), 1);
    server.respond(events[0].id, CallOutcome::Text(String::new()));
    binding.result(stays);

    // The queue was found empty, so the next call wakes the binding; and one that it has seen is told to be cancelled.
    let nap = binding.call(&client, "nap", json!({}));
    wait_for_length(&calls, 1);
    assert_eq!(woken.load(Ordering::SeqCst), 2);
    let call = calls.drain(usize::MAX).remove(0);
    client.cancel(nap, &binding.queue);
    wait_for_length(&calls, 1);
    let cancelled = calls.drain(usize::MAX).remove(0);
    assert_eq!((cancelled.kind, cancelled.id), (EventKind::CallCancelled, call.id));
}

#[test]
fn an_empty_queue_that_a_thread_waits_for_wakes_it_after_a_call_was_taken_back() {
    let binding = Binding::new();
    let calls = Queue::new(None);
    let server = Server::new(r#"{"name": "waiting", "version": "1"}"#, &calls).unwrap();
    server.add_tool(r#"{"name": "nap"}"#, 1).unwrap();
    let client = binding.connect(&server);
    let nap = binding.call(&client, "nap", json!({}));
    wait_for_length(&calls, 1);
    client.cancel(nap, &binding.queue);
    wait_for_length(&calls, 0);
    let waiting = thread::spawn({
        let calls = calls.clone();
        move || calls.wait(Some(Duration::from_secs(30)))
    });
    binding.call(&client, "nap", json!({}));
    assert!(waiting.join().unwrap());
}

#[test]
fn closing_a_server_takes_back_the_calls_that_nobody_saw() {
    let binding = Binding::new();
    let calls = Queue::new(None);
    let server = Server::new(r#"{"name": "busy", "version": "1"}"#, &calls).unwrap();
    server.add_tool(r#"{"name": "nap"}"#, 1).unwrap();
    let client = binding.connect(&server);
    let seen = binding.call(&client, "nap", json!({}));
    wait_for_length(&calls, 1);
    let seen_call = calls.drain(1).remove(0);
    let unseen = binding.call(&client, "nap", json!({}));
    wait_for_length(&calls, 1);
    binding.run(|id, queue| server.close(id, queue));
    binding.outcome(seen).unwrap_err();
    binding.outcome(unseen).unwrap_err();
    let events = calls.drain(usize::MAX);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].kind, events[0].id), (EventKind::CallCancelled, seen_call.id));
}

#[test]
fn a_wake_up_that_panics_costs_nothing_but_itself() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    let queue = Queue::new(Some(Box::new(|| panic!("a wake-up of a test panics, as it should"))));
    for id in 1..=3 {
        client.submit(oxmcp_bridge::Operation::Ping, b"{}", Default::default(), id, &queue);
        assert!(queue.wait(Some(Duration::from_secs(10))));
        assert_eq!(queue.drain(8).len(), 1);
    }
    // On the caller's own thread too.
    client.submit(oxmcp_bridge::Operation::Ping, b"nonsense", Default::default(), 4, &queue);
    assert_eq!(queue.drain(8).len(), 1);
}
