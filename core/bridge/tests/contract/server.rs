use std::collections::HashSet;

use oxmcp_bridge::{CallOptions, CallOutcome, Client, ErrorKind, EventKind, Operation, Server};
use serde_json::{Value, json};

use crate::binding::Binding;

/// A server whose calls come out of the binding's queue, and a client of it.
fn connected(binding: &Binding, tools: &[Value]) -> (Server, Client) {
    let server = Server::new(r#"{"name": "by-hand", "version": "1"}"#, &binding.queue).unwrap();
    for (target, tool) in (1..).zip(tools) {
        server.add_tool(&tool.to_string(), target).unwrap();
    }
    let client = binding.connect(&server);
    (server, client)
}

#[test]
fn a_call_comes_with_its_target_and_arguments_and_its_answer_goes_back() {
    let binding = Binding::new();
    let (server, client) = connected(&binding, &[json!({"name": "a"}), json!({"name": "b"})]);
    for (tool, target) in [("a", 1), ("b", 2)] {
        let call = binding.call(&client, tool, json!({"deep": [{"er": "ü"}]}));
        let event = binding.take_kind(EventKind::ToolCall);
        assert_eq!(event.target, target);
        let arguments: Value = serde_json::from_slice(&event.json).unwrap();
        assert_eq!(arguments, json!({"deep": [{"er": "ü"}]}));
        assert!(server.respond(event.id, CallOutcome::Text(tool.to_owned())));
        assert_eq!(binding.result(call)["content"][0]["text"], tool);
    }
}

#[test]
fn a_schema_is_listed_in_the_order_in_which_it_was_written() {
    let binding = Binding::new();
    let (server, client) = connected(&binding, &[]);
    let schema = r#"{"type":"object","properties":{"z":{"type":"string","title":"Z"},"a":{"type":"number"}},"required":["z"]}"#;
    server.add_tool(&format!(r#"{{"name": "a", "inputSchema": {schema}}}"#), 1).unwrap();
    let list = binding.id();
    client.submit(Operation::ListTools, b"{}", CallOptions::default(), list, &binding.queue);
    let listed = binding.take(|event| event.id == list).json;
    assert!(std::str::from_utf8(&listed).unwrap().contains(schema));
}

#[test]
fn arguments_may_be_left_out_and_are_an_object_then() {
    let binding = Binding::new();
    let (server, client) = connected(&binding, &[json!({"name": "a"})]);
    let call = binding.id();
    client.submit(Operation::CallTool, br#"{"name": "a"}"#, CallOptions::default(), call, &binding.queue);
    let event = binding.take_kind(EventKind::ToolCall);
    assert_eq!(&event.json[..], b"{}");
    server.respond(event.id, CallOutcome::Text(String::new()));
    binding.result(call);
}

#[test]
fn every_kind_of_answer_reaches_the_caller_as_what_it_is() {
    let binding = Binding::new();
    let (server, client) = connected(&binding, &[json!({"name": "a"})]);
    let answered = |outcome: CallOutcome| {
        let call = binding.call(&client, "a", json!({}));
        let event = binding.take_kind(EventKind::ToolCall);
        assert!(server.respond(event.id, outcome));
        binding.outcome(call)
    };
    let content = json!([{"type": "image", "data": "aGk=", "mimeType": "image/png"}]);
    let full = json!({"content": content, "structuredContent": {"n": 1}, "_meta": {"x": "y"}, "extra": 2});
    let result = answered(CallOutcome::Result(full.to_string().into())).unwrap();
    assert_eq!(result["content"], content);
    assert_eq!(result["structuredContent"], json!({"n": 1}));
    assert_eq!(result["_meta"]["x"], "y");
    assert_eq!(result["extra"], 2);

    let text = answered(CallOutcome::Text("line\n\"quoted\" \u{7}".into())).unwrap();
    assert_eq!(text["content"], json!([{"type": "text", "text": "line\n\"quoted\" \u{7}"}]));
    let failed = answered(CallOutcome::ToolError("no".into())).unwrap();
    assert_eq!((&failed["isError"], &failed["content"][0]["text"]), (&json!(true), &json!("no")));

    let data = Some(r#"{"why": [1]}"#.into());
    let refused = CallOutcome::Error { code: -32001, message: "closed on Sundays".into(), data };
    let error = answered(refused).unwrap_err();
    assert_eq!(error["kind"], "Rpc");
    assert_eq!((&error["code"], &error["data"]), (&json!(-32001), &json!({"why": [1]})));
    assert!(error["message"].as_str().unwrap().contains("closed on Sundays"));
    let plain = answered(CallOutcome::Error { code: 1, message: "no".into(), data: None }).unwrap_err();
    assert_eq!(plain.get("data"), None);
}

#[test]
fn an_answer_that_is_no_tool_result_becomes_an_internal_error() {
    let binding = Binding::new();
    let (server, client) = connected(&binding, &[json!({"name": "a"})]);
    for nonsense in
        ["", "{", "null", "[]", "{}", r#"{"content": 1}"#, r#"{"content": []} x"#, "{\"content\": [\n1}"]
    {
        let call = binding.call(&client, "a", json!({}));
        let event = binding.take_kind(EventKind::ToolCall);
        assert!(server.respond(event.id, CallOutcome::Result(nonsense.to_owned().into())));
        let error = binding.outcome(call).expect_err(nonsense);
        assert_eq!((&error["kind"], &error["code"]), (&json!("Rpc"), &json!(-32603)), "{nonsense}");
    }
    // A result written on several lines is one message all the same.
    let call = binding.call(&client, "a", json!({}));
    let event = binding.take_kind(EventKind::ToolCall);
    server.respond(event.id, CallOutcome::Result("{\n  \"content\": [\r\n]\n}".into()));
    assert_eq!(binding.result(call)["content"], json!([]));
}

#[test]
fn a_call_is_answered_once() {
    let binding = Binding::new();
    let (server, client) = connected(&binding, &[json!({"name": "a"})]);
    let call = binding.call(&client, "a", json!({}));
    let event = binding.take_kind(EventKind::ToolCall);
    assert!(server.respond(event.id, CallOutcome::Text("first".into())));
    assert!(!server.respond(event.id, CallOutcome::Text("second".into())));
    assert!(!server.respond(4711, CallOutcome::Text("nobody asked".into())));
    assert!(!server.progress(event.id, 1.0, None, None));
    assert_eq!(server.call_context(event.id), None);
    assert_eq!(binding.result(call)["content"][0]["text"], "first");
    assert!(binding.rest().is_empty());
}

#[test]
fn many_threads_answer_one_call_once() {
    let binding = Binding::new();
    let (server, client) = connected(&binding, &[json!({"name": "a"})]);
    for _ in 0..200 {
        let call = binding.call(&client, "a", json!({}));
        let event = binding.take_kind(EventKind::ToolCall);
        let taken: usize = std::thread::scope(|scope| {
            let answering: Vec<_> = (0..4)
                .map(|number| {
                    let server = &server;
                    scope.spawn(move || server.respond(event.id, CallOutcome::Text(number.to_string())))
                })
                .collect();
            answering.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
        });
        assert_eq!(taken, 1);
        binding.result(call);
    }
}

#[test]
fn arguments_that_break_the_schema_never_reach_the_binding() {
    let binding = Binding::new();
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let (_server, client) = connected(&binding, &[json!({"name": "a", "inputSchema": schema})]);
    for arguments in [json!({}), json!({"n": "one"}), json!({"n": 1.5})] {
        let refused = binding.result(binding.call(&client, "a", arguments.clone()));
        assert_eq!(refused["isError"], true, "{arguments}");
    }
    for arguments in [json!([1]), json!("n"), json!(1)] {
        let call = binding.call(&client, "a", arguments);
        match binding.outcome(call) {
            Ok(result) => assert_eq!(result["isError"], true),
            Err(error) => assert_eq!(error["code"], -32602),
        }
    }
    assert!(binding.rest().is_empty());
}

#[test]
fn the_context_of_a_call_says_what_is_known_of_it() {
    let binding = Binding::new();
    let (server, _) = connected(&binding, &[json!({"name": "a"})]);
    for version in ["2025-11-25", "2026-07-28"] {
        let open = binding.id();
        let info = json!({"name": "somebody", "version": "9"});
        let config = json!({"clientInfo": info, "protocolVersion": version}).to_string();
        let client = Client::open_in_memory(&server, &config, open, &binding.queue).unwrap();
        binding.result(open);

        let call = binding.id();
        let params = br#"{"name": "a", "_meta": {"trace": "t1"}}"#;
        let options = CallOptions { progress: true, ..CallOptions::default() };
        client.submit(Operation::CallTool, params, options, call, &binding.queue);
        let event = binding.take_kind(EventKind::ToolCall);
        let context: Value = serde_json::from_slice(&server.call_context(event.id).unwrap()).unwrap();
        assert_eq!(context["protocolVersion"], version);
        assert_eq!(context["clientInfo"], info);
        assert_eq!(context["progress"], true);
        assert_eq!(context["_meta"]["trace"], "t1");
        assert!(context["requestId"].is_number());
        assert!(server.respond(event.id, CallOutcome::Text(String::new())));
        binding.result(call);
    }
}

#[test]
fn progress_must_grow() {
    let binding = Binding::new();
    let (server, client) = connected(&binding, &[json!({"name": "a"})]);
    let options = CallOptions { progress: true, ..CallOptions::default() };
    let call = binding.call_with(&client, "a", json!({}), options);
    let event = binding.take_kind(EventKind::ToolCall);
    let reports = [1.0, 1.0, 0.5, f64::NAN, f64::INFINITY, 2.0];
    let sent: Vec<bool> =
        reports.iter().map(|report| server.progress(event.id, *report, None, Some("so far"))).collect();
    assert_eq!(sent, [true, false, false, false, false, true]);
    server.respond(event.id, CallOutcome::Text(String::new()));
    binding.result(call);
    let heard = binding.rest();
    assert_eq!(heard.len(), 2);
    let last: Value = serde_json::from_slice(&heard[1].json).unwrap();
    assert_eq!(last, json!({"progress": 2.0, "message": "so far"}));
}

#[test]
fn call_numbers_are_unique_in_the_process_and_fit_every_language() {
    let binding = Binding::new();
    let servers =
        [connected(&binding, &[json!({"name": "a"})]), connected(&binding, &[json!({"name": "a"})])];
    let mut seen = HashSet::new();
    for _ in 0..20 {
        for (server, client) in &servers {
            let call = binding.call(client, "a", json!({}));
            let event = binding.take_kind(EventKind::ToolCall);
            assert!(seen.insert(event.id) && event.id < 1 << 53);
            server.respond(event.id, CallOutcome::Text(String::new()));
            binding.result(call);
        }
    }
}

#[test]
fn a_flood_of_calls_is_answered_with_errors_past_the_limit() {
    let binding = Binding::new();
    let server = Server::new(r#"{"name": "flooded", "version": "1"}"#, &binding.queue).unwrap();
    server.add_tool(r#"{"name": "nap"}"#, 1).unwrap();
    // One connection may have as many requests served as the binding may have calls, so two are needed.
    let clients = [binding.connect(&server), binding.connect(&server)];
    let excess = 100;
    let calls: Vec<u64> = (0..Server::MAX_CALLS + excess)
        .map(|number| binding.call(&clients[number % 2], "nap", json!({})))
        .collect();
    let mut refused = HashSet::new();
    while refused.len() < excess {
        let event = binding.take_kind(EventKind::Failed);
        let error: Value = serde_json::from_slice(&event.json).unwrap();
        assert_eq!(error["kind"], "Rpc", "{error}");
        refused.insert(event.id);
    }
    let with_binding: Vec<_> =
        binding.rest().into_iter().filter(|event| event.kind == EventKind::ToolCall).collect();
    assert_eq!(with_binding.len(), Server::MAX_CALLS);
    // Each answer makes room for one more.
    for event in &with_binding {
        assert!(server.respond(event.id, CallOutcome::Text(String::new())));
    }
    for call in calls.iter().filter(|call| !refused.contains(call)) {
        binding.result(*call);
    }
    let again = binding.call(&clients[0], "nap", json!({}));
    let event = binding.take_kind(EventKind::ToolCall);
    server.respond(event.id, CallOutcome::Text(String::new()));
    binding.result(again);
}

#[test]
fn arguments_past_the_limit_of_bytes_are_refused_until_there_is_room() {
    let binding = Binding::new();
    let (server, client) = connected(&binding, &[json!({"name": "nap"})]);
    let large = json!({"text": "x".repeat(Server::MAX_CALL_BYTES / 5)});
    let taken: Vec<_> = (0..4)
        .map(|_| (binding.call(&client, "nap", large.clone()), binding.take_kind(EventKind::ToolCall).id))
        .collect();
    // Small ones still find room.
    let small = binding.call(&client, "nap", json!({}));
    taken.iter().for_each(|(_, call)| assert!(server.call_context(*call).is_some()));
    let small_call = binding.take_kind(EventKind::ToolCall).id;
    let refused = binding.call(&client, "nap", large.clone());
    let error = binding.outcome(refused).unwrap_err();
    assert_eq!((&error["kind"], &error["code"]), (&json!("Rpc"), &json!(-32603)));
    assert!(error["message"].as_str().unwrap().contains("busy"), "{error}");
    // Answered, cancelled or not, a call gives its bytes back.
    assert!(server.respond(taken[0].1, CallOutcome::Text(String::new())));
    binding.result(taken[0].0);
    assert!(client.cancel(taken[1].0, &binding.queue));
    binding.error(taken[1].0);
    binding.take_kind(EventKind::CallCancelled);
    for _ in 0..2 {
        let again = binding.call(&client, "nap", large.clone());
        let call = binding.take_kind(EventKind::ToolCall).id;
        server.respond(call, CallOutcome::Text(String::new()));
        binding.result(again);
    }
    server.respond(small_call, CallOutcome::Text(String::new()));
    binding.result(small);
}

#[test]
fn tools_come_and_go_while_clients_are_connected() {
    let binding = Binding::new();
    let (server, client) = connected(&binding, &[json!({"name": "a", "description": "first"})]);
    server.add_tool(r#"{"name": "a", "description": "second"}"#, 7).unwrap();
    server.add_tool(r#"{"name": "b"}"#, 8).unwrap();
    let list = binding.id();
    client.submit(Operation::ListTools, b"{}", CallOptions::default(), list, &binding.queue);
    let tools = binding.result(list)["tools"].clone();
    assert_eq!(tools[0]["description"], "second");
    assert_eq!(tools[1]["inputSchema"], json!({"type": "object"}));

    let call = binding.call(&client, "a", json!({}));
    let event = binding.take_kind(EventKind::ToolCall);
    assert_eq!(event.target, 7);
    // A call under way is not touched by the removal.
    assert!(server.remove_tool("a"));
    assert!(!server.remove_tool("a"));
    assert!(server.respond(event.id, CallOutcome::Text("done".into())));
    binding.result(call);
    let gone = binding.call(&client, "a", json!({}));
    assert_eq!(binding.outcome(gone).unwrap_err()["code"], -32602);
}

#[test]
fn a_definition_or_configuration_that_makes_no_sense_is_refused() {
    let binding = Binding::new();
    for config in [
        "",
        "{}",
        r#"{"name": "x"}"#,
        r#"{"name": "", "version": "1"}"#,
        r#"{"name": "x", "version": "1", "instruction": "typo"}"#,
        r#"{"name": "x", "version": "1", "pageSize": "many"}"#,
        r#"{"name": "x", "version": "1", "icons": [1]}"#,
    ] {
        let error = Server::new(config, &binding.queue).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse, "{config}");
    }
    let (server, client) = connected(&binding, &[]);
    for definition in [
        "",
        "[]",
        "{}",
        r#"{"name": ""}"#,
        r#"{"name": 1}"#,
        r#"{"name": "x", "inputSchema": {"type": "array"}}"#,
        r#"{"name": "x", "inputSchema": {"type": "object", "properties": {"a": {"type": "nonsense"}}}}"#,
        r#"{"name": "x", "inputSchema": {"type": "object", "properties": {"a": {"pattern": "("}}}}"#,
        r#"{"name": "x", "inputSchema": {"type": "object", "$ref": "https://example.com/schema"}}"#,
        r#"{"name": "x", "annotations": {"readOnlyHint": "yes"}}"#,
    ] {
        let error = server.add_tool(definition, 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse, "{definition}");
    }
    let list = binding.id();
    client.submit(Operation::ListTools, b"{}", CallOptions::default(), list, &binding.queue);
    assert_eq!(binding.result(list)["tools"], json!([]));
}
