use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use oxmcp_bridge::{EventKind, Queue};
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
        let until = Instant::now() + Duration::from_secs(10);
        // Nothing is drained before all three are there, so one wake-up is all that may come.
        while format!("{queue:?}") != "Queue { waiting: 3, .. }" {
            assert!(Instant::now() < until, "the answers never came: {queue:?}");
            thread::sleep(Duration::from_millis(1));
        }
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
