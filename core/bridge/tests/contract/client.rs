use std::time::Duration;

use oxmcp_bridge::{CallOptions, Client, ErrorKind, EventKind, Operation};
use serde_json::{Value, json};

use crate::binding::Binding;
use crate::toolbox::Toolbox;

/// A server that never says a word.
const SILENT: &str = r#"{"command": "sleep", "args": ["1000"]}"#;

fn submit(binding: &Binding, client: &Client, operation: Operation, params: &str) -> u64 {
    let id = binding.id();
    client.submit(operation, params.as_bytes(), CallOptions::default(), id, &binding.queue);
    id
}

#[test]
fn operations_give_the_results_that_they_promise() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);

    let all = binding.result(submit(&binding, &client, Operation::ListTools, "{}"));
    let names: Vec<&str> =
        all["tools"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["echo", "fail", "count", "nap"]);
    let page = binding.result(submit(&binding, &client, Operation::ListToolsPage, "{}"));
    assert_eq!(page["tools"], all["tools"]);
    assert_eq!(page.get("nextCursor"), None);

    let echoed = binding.result(binding.call(&client, "echo", json!({"a": [1, null]})));
    assert_eq!(echoed["content"], json!([{"type": "text", "text": r#"{"a":[1,null]}"#}]));
    let failed = binding.result(binding.call(&client, "fail", json!({})));
    assert_eq!(failed["isError"], true);
    assert_eq!(failed["content"][0]["text"], "it did not work");

    assert_eq!(binding.result(submit(&binding, &client, Operation::Ping, "{}")), json!({}));
}

#[test]
fn pages_are_joined_by_list_tools_and_given_one_by_one_by_list_tools_page() {
    let binding = Binding::new();
    let config = r#"{"name": "pages", "version": "1", "pageSize": 2}"#;
    let server = oxmcp_bridge::Server::new(config, &binding.queue).unwrap();
    for name in ["a", "b", "c", "d", "e"] {
        server.add_tool(&json!({"name": name}).to_string(), 1).unwrap();
    }
    let client = binding.connect(&server);
    let all = binding.result(submit(&binding, &client, Operation::ListTools, "{}"));
    assert_eq!(all["tools"].as_array().unwrap().len(), 5);

    let mut params = json!({});
    let mut sizes = Vec::new();
    loop {
        let page = binding.result(submit(&binding, &client, Operation::ListToolsPage, &params.to_string()));
        sizes.push(page["tools"].as_array().unwrap().len());
        match page.get("nextCursor") {
            Some(cursor) => params = json!({"cursor": cursor}),
            None => break,
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
}

#[test]
fn what_is_submitted_before_the_connection_is_there_waits_for_it() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let open = binding.id();
    let client = Client::open_in_memory(&toolbox.server, "{}", open, &binding.queue).unwrap();
    let calls: Vec<u64> =
        (0..20).map(|number| binding.call(&client, "echo", json!({"number": number}))).collect();
    let first = binding.take(|_| true);
    assert_eq!((first.kind, first.id), (EventKind::Completed, open));
    for (number, call) in calls.into_iter().enumerate() {
        let text = json!({"number": number}).to_string();
        assert_eq!(binding.result(call)["content"][0]["text"], text);
    }
}

#[test]
fn what_waits_for_a_connection_that_never_comes_fails_as_it_does() {
    let binding = Binding::new();
    let open = binding.id();
    let config = r#"{"command": "/nowhere/server"}"#;
    let client = Client::open(config, open, &binding.queue).unwrap();
    let call = binding.call(&client, "echo", json!({}));
    let closed = binding.id();
    client.closed(closed, &binding.queue);
    assert_eq!(binding.error(open), "Connect");
    assert_eq!(binding.error(call), "Connect");
    assert_eq!(binding.result(closed), json!({}));
    // And so does what comes later.
    let late = binding.call(&client, "echo", json!({}));
    assert_eq!(binding.error(late), "Connect");
}

#[test]
fn connecting_takes_no_longer_than_it_may() {
    let binding = Binding::new();
    let config = r#"{"command": "sleep", "args": ["1000"], "connectTimeoutMs": 100}"#;
    let open = binding.id();
    let _client = Client::open(config, open, &binding.queue).unwrap();
    assert_eq!(binding.error(open), "Timeout");
}

#[test]
fn progress_comes_before_the_answer_and_only_where_it_is_wanted() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    let wanted = CallOptions { progress: true, ..CallOptions::default() };
    let call = binding.call_with(&client, "count", json!({}), wanted);
    for step in 1..=3 {
        let event = binding.take(|event| event.id == call);
        assert_eq!(event.kind, EventKind::Progress);
        let progress: Value = serde_json::from_slice(&event.json).unwrap();
        assert_eq!(progress, json!({"progress": f64::from(step), "total": 3.0}));
    }
    binding.result(call);

    binding.result(binding.call(&client, "count", json!({})));
    assert!(binding.rest().is_empty());
}

#[test]
fn a_silent_call_times_out_and_progress_is_no_silence() {
    let binding = Binding::new();
    let server = oxmcp_bridge::Server::new(r#"{"name": "slow", "version": "1"}"#, &binding.queue).unwrap();
    server.add_tool(r#"{"name": "slow"}"#, 1).unwrap();
    let client = binding.connect(&server);
    let timeout = Some(Duration::from_millis(300));

    let silent = CallOptions { timeout, ..CallOptions::default() };
    let silent = binding.call_with(&client, "slow", json!({}), silent);
    binding.take_kind(EventKind::ToolCall);
    assert_eq!(binding.error(silent), "Timeout");
    binding.take_kind(EventKind::CallCancelled);

    let kept_alive = CallOptions { timeout, ..CallOptions::default() };
    let kept_alive = binding.call_with(&client, "slow", json!({}), kept_alive);
    let call = binding.take_kind(EventKind::ToolCall);
    for step in 1..=6 {
        std::thread::sleep(Duration::from_millis(100));
        assert!(server.progress(call.id, step.into(), None, None));
    }
    assert!(server.respond(call.id, oxmcp_bridge::CallOutcome::Text("done".into())));
    binding.result(kept_alive);

    let max_timeout = Some(Duration::from_millis(300));
    let limited = CallOptions { max_timeout, ..CallOptions::default() };
    let limited = binding.call_with(&client, "slow", json!({}), limited);
    let call = binding.take_kind(EventKind::ToolCall);
    for step in 1..=6 {
        std::thread::sleep(Duration::from_millis(100));
        server.progress(call.id, step.into(), None, None);
    }
    assert_eq!(binding.error(limited), "Timeout");
}

#[test]
fn every_operation_keeps_to_its_timeout() {
    let binding = Binding::new();
    let slow = format!("{}/tests/contract/silent_server.sh", env!("CARGO_MANIFEST_DIR"));
    let open = binding.id();
    let config = json!({"command": "sh", "args": [slow]}).to_string();
    let client = Client::open(&config, open, &binding.queue).unwrap();
    binding.result(open);
    for operation in [Operation::ListTools, Operation::ListToolsPage, Operation::Ping] {
        let id = binding.id();
        let options = CallOptions { timeout: Some(Duration::from_millis(100)), ..CallOptions::default() };
        client.submit(operation, b"{}", options, id, &binding.queue);
        assert_eq!(binding.error(id), "Timeout", "{operation:?}");
    }
}

#[test]
fn a_cancelled_call_settles_at_once_and_the_server_hears_of_it() {
    let binding = Binding::new();
    let server = oxmcp_bridge::Server::new(r#"{"name": "naps", "version": "1"}"#, &binding.queue).unwrap();
    server.add_tool(r#"{"name": "nap"}"#, 1).unwrap();
    let client = binding.connect(&server);
    let nap = binding.call(&client, "nap", json!({}));
    let call = binding.take_kind(EventKind::ToolCall);
    assert!(client.cancel(nap, &binding.queue));
    assert!(!client.cancel(nap, &binding.queue));
    assert_eq!(binding.error(nap), "Cancelled");
    assert_eq!(binding.take_kind(EventKind::CallCancelled).id, call.id);
    assert!(!server.respond(call.id, oxmcp_bridge::CallOutcome::Text("too late".into())));
    assert!(!client.cancel(nap, &binding.queue));
    assert!(binding.rest().is_empty());
}

#[test]
fn cancelling_the_opening_ends_it() {
    let binding = Binding::new();
    let open = binding.id();
    let client = Client::open(SILENT, open, &binding.queue).unwrap();
    let (call, closed) = (binding.call(&client, "echo", json!({})), binding.id());
    client.closed(closed, &binding.queue);
    assert!(client.cancel(open, &binding.queue));
    assert!(!client.cancel(open, &binding.queue));
    assert_eq!(binding.error(open), "Cancelled");
    assert_eq!(binding.error(call), "Closed");
    assert_eq!(binding.result(closed), json!({}));
}

#[test]
fn an_operation_of_nobody_cannot_be_cancelled() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    assert!(!client.cancel(4711, &binding.queue));
    let nap = binding.call(&client, "nap", json!({}));
    // The same number means something else in another queue.
    assert!(!client.cancel(nap, &oxmcp_bridge::Queue::new(None)));
    assert!(client.cancel(nap, &binding.queue));
    binding.error(nap);
}

#[test]
fn the_same_number_may_be_used_again_once_it_has_settled_and_in_another_queue() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    let other = oxmcp_bridge::Queue::new(None);
    for queue in [&other, &other] {
        client.submit(Operation::Ping, b"{}", CallOptions::default(), 1, queue);
        assert!(queue.wait(Some(Duration::from_secs(10))));
        assert_eq!(queue.drain(2)[0].kind, EventKind::Completed);
    }
}

#[test]
fn a_number_used_again_after_a_cancellation_means_the_new_operation_alone() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let listening = binding.run(|id, queue| toolbox.server.listen_http("{}", id, queue));
    let open = binding.id();
    let config = json!({"url": listening["url"]}).to_string();
    let client = Client::open(&config, open, &binding.queue).unwrap();
    binding.result(open);
    let queue = oxmcp_bridge::Queue::new(None);
    let submit = |tool: &str| {
        let params = json!({"name": tool, "arguments": {}}).to_string();
        client.submit(Operation::CallTool, params.as_bytes(), CallOptions::default(), 1, &queue);
    };
    for _ in 0..100 {
        // What ran for the first learns on another thread that it is over.
        submit("nap");
        assert!(client.cancel(1, &queue));
        assert_eq!(queue.drain(1)[0].kind, EventKind::Failed);
        submit("echo");
        assert!(queue.wait(Some(Duration::from_secs(10))));
        let event = queue.drain(1).remove(0);
        assert_eq!(event.kind, EventKind::Completed, "{event:?}");
    }
}

#[test]
fn parameters_that_make_no_sense_are_told_through_the_queue() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    let client = binding.connect(&toolbox.server);
    for params in ["", "{", "[]", "null", "{} {}", "\"name\"", "{\"name\": \"\u{0}\"}"] {
        let id = submit(&binding, &client, Operation::CallTool, params);
        assert_eq!(binding.error(id), "Misuse", "{params:?}");
    }
    let id = binding.id();
    client.submit(Operation::CallTool, b"{\"name\": \"\xff\"}", CallOptions::default(), id, &binding.queue);
    assert_eq!(binding.error(id), "Misuse");
    // The connection is none the worse for it.
    binding.result(binding.call(&client, "echo", json!({})));
}

#[test]
fn a_configuration_with_something_unknown_or_wrong_is_refused() {
    let binding = Binding::new();
    for config in [
        "",
        "[]",
        "{}",
        r#"{"command": "true", "comand": 1}"#,
        r#"{"command": "true", "url": "http://127.0.0.1:1/mcp"}"#,
        r#"{"command": ["true"]}"#,
        r#"{"command": "true", "stderr": "nowhere"}"#,
        r#"{"command": "true", "timeoutMs": -1}"#,
        r#"{"command": "true", "timeoutMs": 1.5}"#,
        r#"{"command": "true", "protocolVersion": "2000-01-01"}"#,
        r#"{"command": "true", "command": "false"}"#,
    ] {
        let error = Client::open(config, 1, &binding.queue).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse, "{config}");
        assert!(!error.message().is_empty());
    }
    let toolbox = Toolbox::new();
    for config in ["{", r#"{"command": "true"}"#, r#"{"url": "http://127.0.0.1:1"}"#, r#"{"name": "x"}"#] {
        let error = Client::open_in_memory(&toolbox.server, config, 1, &binding.queue).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse, "{config}");
    }
    assert!(binding.rest().is_empty(), "a refused configuration starts nothing");
}

#[test]
fn the_revision_can_be_pinned() {
    let toolbox = Toolbox::new();
    let binding = Binding::new();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] {
        let open = binding.id();
        let config = json!({"protocolVersion": version, "clientInfo": {"name": "pinned", "version": "1"}});
        let client =
            Client::open_in_memory(&toolbox.server, &config.to_string(), open, &binding.queue).unwrap();
        let info = binding.result(open);
        assert_eq!(info["protocolVersion"], version);
        assert_eq!(info["serverInfo"], json!({"name": "toolbox", "version": "1.2.3"}));
        assert_eq!(info["capabilities"]["tools"], json!({"listChanged": true}));
        binding.result(binding.call(&client, "echo", json!({})));
    }
}

#[test]
fn past_the_limit_of_outstanding_operations_more_are_refused() {
    let binding = Binding::new();
    let open = binding.id();
    let client = Client::open(SILENT, open, &binding.queue).unwrap();
    // The opening is outstanding too.
    let waiting: Vec<u64> =
        (1..Client::MAX_OUTSTANDING).map(|_| submit(&binding, &client, Operation::Ping, "{}")).collect();
    assert!(binding.rest().is_empty());
    let excess = submit(&binding, &client, Operation::Ping, "{}");
    assert_eq!(binding.error(excess), "Overloaded");
    assert!(client.cancel(waiting[0], &binding.queue));
    let room = submit(&binding, &client, Operation::Ping, "{}");
    assert_eq!(binding.error(waiting[0]), "Cancelled");
    let close = binding.id();
    client.close(close, &binding.queue);
    binding.result(close);
    assert_eq!(binding.error(room), "Closed");
    assert_eq!(binding.rest().len(), waiting.len() - 1 + 1, "the rest, and the opening, settle once each");
}
