use serde_json::json;

use crate::peer::Peer;
use crate::toolbox::Toolbox;

const VERSION: &str = "2025-11-25";
const RELATED: &str = "io.modelcontextprotocol/related-task";

#[tokio::test]
async fn a_call_that_wants_to_be_a_task_is_one() {
    let toolbox = Toolbox::default();
    let (mut peer, session) = Peer::in_session(&toolbox.server(), VERSION).await;
    let declared = json!({"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}});
    assert_eq!(session["capabilities"]["tasks"], declared);
    assert!(session["capabilities"]["extensions"].is_null());

    let call = json!({"name": "gate", "arguments": {}, "task": {"ttl": 120_000}});
    let created = peer.result("tools/call", call).await;
    let task = &created["task"];
    let id = &task["taskId"];
    assert_eq!(
        (&task["status"], &task["ttl"], &task["pollInterval"]),
        (&json!("working"), &json!(120_000), &json!(1000))
    );
    assert_eq!(created["_meta"][RELATED]["taskId"], *id);
    assert!(created.get("resultType").is_none());

    let working = peer.result("tasks/get", json!({"taskId": id})).await;
    assert_eq!(working["status"], "working");
    let waiting = peer.send("tasks/result", json!({"taskId": id})).await;
    toolbox.gate.open();
    let result = peer.answer(waiting).await["result"].take();
    assert_eq!(result["content"][0]["text"], "through the gate");
    assert_eq!(result["_meta"][RELATED], json!({"taskId": id}));
    assert_eq!(peer.result("tasks/result", json!({"taskId": id})).await, result);
    assert_eq!(peer.result("tasks/get", json!({"taskId": id})).await["status"], "completed");
}

#[tokio::test]
async fn the_session_is_told_how_its_task_stands_until_it_is_over() {
    let toolbox = Toolbox::default();
    let (mut peer, _) = Peer::in_session(&toolbox.server(), VERSION).await;
    let call = json!({"name": "gate", "arguments": {}, "task": {}});
    let id = peer.result("tools/call", call.clone()).await["task"]["taskId"].take();
    toolbox.gate.open();
    let told = peer.status().await;
    assert_eq!((&told["taskId"], &told["status"]), (&id, &json!("completed")));
    // It is the whole task.
    assert_eq!(told, peer.result("tasks/get", json!({"taskId": id})).await);

    let id = peer.result("tools/call", call).await["task"]["taskId"].take();
    assert_eq!(peer.result("tasks/cancel", json!({"taskId": id})).await["status"], "cancelled");
    let told = peer.status().await;
    assert_eq!((&told["taskId"], &told["status"]), (&id, &json!("cancelled")));

    let call = json!({"name": "confirm", "arguments": {}, "task": {}});
    let id = peer.result("tools/call", call).await["task"]["taskId"].take();
    assert_eq!(peer.status().await["status"], "input_required");
    peer.send("tasks/result", json!({"taskId": id})).await;
    let question = peer.read().await;
    let accept = json!({"action": "accept", "content": {"confirm": true}});
    peer.write(&json!({"jsonrpc": "2.0", "id": question["id"], "result": accept})).await;
    let result = peer.read().await;
    assert_eq!(result["result"]["content"][0]["text"], "confirmed");
    let told = peer.status().await;
    assert_eq!((&told["taskId"], &told["status"]), (&id, &json!("completed")));
}

#[tokio::test]
async fn tools_say_whether_they_run_as_tasks_and_are_called_so() {
    let toolbox = Toolbox::default();
    let (mut peer, _) = Peer::in_session(&toolbox.server(), VERSION).await;
    let tools = peer.result("tools/list", json!({})).await;
    let support = |name: &str| {
        let tool = tools["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == name);
        tool.unwrap()["execution"]["taskSupport"].clone()
    };
    assert_eq!(support("gate"), "optional");
    assert_eq!(support("failing"), "required");
    assert!(support("greet").is_null());

    let call = |name: &str| json!({"name": name, "arguments": {}});
    assert_eq!(peer.result("tools/call", call("quick")).await["content"][0]["text"], "done");
    assert_eq!(peer.error("tools/call", call("failing")).await["code"], -32601);
    let wanted = json!({"name": "greet", "arguments": {}, "task": {}});
    assert_eq!(peer.error("tools/call", wanted.clone()).await["code"], -32601);

    // Whoever has no tasks ignores that one is wanted, and so does a revision without them.
    let plain = oxmcp::Server::new("plain", "1").tool("greet", "Greet.", || async { "hello" });
    let (mut peer, session) = Peer::in_session(&plain, VERSION).await;
    assert!(session["capabilities"]["tasks"].is_null());
    assert_eq!(peer.result("tools/call", wanted).await["content"][0]["text"], "hello");
    let (mut peer, session) = Peer::in_session(&toolbox.server(), "2025-06-18").await;
    assert!(session["capabilities"]["tasks"].is_null());
    let wanted = json!({"name": "quick", "arguments": {}, "task": {}});
    assert_eq!(peer.result("tools/call", wanted).await["content"][0]["text"], "done");
    assert_eq!(peer.error("tasks/get", json!({"taskId": "x"})).await["code"], -32601);
}

#[tokio::test]
async fn a_tool_that_fails_fails_its_task_and_its_result_is_what_it_would_have_been() {
    let (mut peer, _) = Peer::in_session(&Toolbox::default().server(), VERSION).await;
    let create = async |name: &str, peer: &mut Peer| {
        let call = json!({"name": name, "arguments": {}, "task": {}});
        peer.result("tools/call", call).await["task"]["taskId"].take()
    };
    let id = create("failing", &mut peer).await;
    let failed = peer.until(&id, &["completed", "failed"]).await;
    assert_eq!((&failed["status"], &failed["statusMessage"]), (&json!("failed"), &json!("no luck")));
    assert_eq!(peer.result("tasks/result", json!({"taskId": id})).await["isError"], true);

    let id = create("broken", &mut peer).await;
    let failed = peer.until(&id, &["completed", "failed"]).await;
    assert_eq!((&failed["status"], &failed["statusMessage"]), (&json!("failed"), &json!("it broke")));
    let error = peer.error("tasks/result", json!({"taskId": id})).await;
    assert_eq!((&error["code"], &error["message"]), (&json!(-32603), &json!("it broke")));
}

#[tokio::test]
async fn a_task_is_cancelled_once() {
    let toolbox = Toolbox::default();
    let (mut peer, _) = Peer::in_session(&toolbox.server(), VERSION).await;
    let call = json!({"name": "gate", "arguments": {}, "task": {}});
    let id = peer.result("tools/call", call).await["task"]["taskId"].take();
    let waiting = peer.send("tasks/result", json!({"taskId": id})).await;
    let cancelling = peer.send("tasks/cancel", json!({"taskId": id})).await;
    let mut answers = [peer.read().await, peer.read().await];
    answers.sort_by_key(|answer| answer["id"].as_u64());
    assert_eq!((&answers[0]["id"], &answers[0]["error"]["code"]), (&json!(waiting), &json!(-32602)));
    assert_eq!(
        (&answers[1]["id"], &answers[1]["result"]["status"]),
        (&json!(cancelling), &json!("cancelled"))
    );
    toolbox.dropped(1).await;
    assert_eq!(peer.error("tasks/cancel", json!({"taskId": id})).await["code"], -32602);
    assert_eq!(peer.error("tasks/cancel", json!({"taskId": "x"})).await["code"], -32602);
}

#[tokio::test]
async fn a_session_sees_its_own_tasks_and_no_others() {
    let toolbox = Toolbox::default();
    let server = toolbox.server().page_size(2);
    let (mut peer, _) = Peer::in_session(&server, VERSION).await;
    let (mut other, _) = Peer::in_session(&server, VERSION).await;
    let call = json!({"name": "gate", "arguments": {}, "task": {}});
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(peer.result("tools/call", call.clone()).await["task"]["taskId"].take());
    }
    let theirs = other.result("tools/call", call).await["task"]["taskId"].take();

    let first = peer.result("tasks/list", json!({})).await;
    let second = peer.result("tasks/list", json!({"cursor": first["nextCursor"]})).await;
    let listed = [&first, &second].into_iter().flat_map(|page| page["tasks"].as_array().unwrap());
    let listed: Vec<_> = listed.map(|task| task["taskId"].clone()).collect();
    assert_eq!(listed, ids);
    assert!(second.get("nextCursor").is_none());
    assert_eq!(peer.error("tasks/list", json!({"cursor": "?"})).await["code"], -32602);

    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        assert_eq!(peer.error(method, json!({"taskId": theirs})).await["code"], -32602, "{method}");
    }
    assert_eq!(Peer::with_tasks(&server).error("tasks/get", json!({"taskId": theirs})).await["code"], -32602);
    assert_eq!(other.result("tasks/get", json!({"taskId": theirs})).await["status"], "working");
}

#[tokio::test]
async fn whoever_waits_for_the_result_carries_the_questions() {
    let (mut peer, _) = Peer::in_session(&Toolbox::default().server(), VERSION).await;
    for tool in ["confirm", "composed"] {
        let call = json!({"name": tool, "arguments": {}, "task": {}});
        let id = peer.result("tools/call", call).await["task"]["taskId"].take();
        // Nothing is asked until somebody waits for the result.
        let asking = peer.until(&id, &["input_required"]).await;
        assert!(asking.get("inputRequests").is_none());

        // Whoever stops waiting leaves the question to the next.
        let gone = peer.send("tasks/result", json!({"taskId": id})).await;
        let question = peer.read().await;
        assert_eq!(question["method"], "elicitation/create");
        assert_eq!(question["params"]["_meta"][RELATED]["taskId"], id);
        peer.write(
            &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": gone}}),
        )
        .await;
        let withdrawn = peer.read().await;
        assert_eq!(
            (&withdrawn["method"], &withdrawn["params"]["requestId"]),
            (&json!("notifications/cancelled"), &question["id"])
        );

        let waiting = peer.send("tasks/result", json!({"taskId": id})).await;
        let answer = loop {
            let message = peer.read().await;
            if message["id"] == waiting {
                break message;
            }
            assert_eq!(message["method"], "elicitation/create", "{message}");
            let accepted = json!({"action": "accept", "content": {"name": "Ada", "confirm": true}});
            peer.write(&json!({"jsonrpc": "2.0", "id": message["id"], "result": accepted})).await;
        };
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(matches!(text, "confirmed" | "Ada and Ada, 2"), "{answer}");
    }
}
