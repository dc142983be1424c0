use std::time::Duration;

use oxmcp::Limits;
use serde_json::{Value, json};

use crate::peer::{Peer, TASKS};
use crate::toolbox::Toolbox;

#[tokio::test]
async fn a_server_with_such_tools_declares_the_extension_and_others_do_not() {
    let server = Toolbox::default().server();
    let discovered = Peer::with_tasks(&server).result("server/discover", json!({})).await;
    assert_eq!(discovered["capabilities"]["extensions"], json!({TASKS: {}}));
    assert!(discovered["capabilities"]["tasks"].is_null());

    let plain = oxmcp::Server::new("plain", "1").tool("greet", "Greet.", || async { "hello" });
    let mut peer = Peer::with_tasks(&plain);
    assert!(peer.result("server/discover", json!({})).await["capabilities"]["extensions"].is_null());
    assert_eq!(peer.error("tasks/get", json!({"taskId": "x"})).await["code"], -32601);
}

#[tokio::test]
async fn a_call_goes_on_as_a_task_until_it_is_done() {
    let toolbox = Toolbox::default();
    let mut peer = Peer::with_tasks(&toolbox.server());
    let created = peer.call("gate").await;
    assert_eq!((&created["resultType"], &created["status"]), (&json!("task"), &json!("working")));
    assert_eq!((&created["ttlMs"], &created["pollIntervalMs"]), (&json!(3_600_000), &json!(1000)));
    for absent in ["task", "ttl", "pollInterval", "result", "error", "inputRequests", "requestState"] {
        assert!(created.get(absent).is_none(), "{absent}: {created}");
    }
    for time in ["createdAt", "lastUpdatedAt"] {
        assert!(created[time].as_str().unwrap().ends_with('Z'), "{created}");
    }

    let id = &created["taskId"];
    let working = peer.result("tasks/get", json!({"taskId": id})).await;
    assert_eq!((&working["resultType"], &working["status"]), (&json!("complete"), &json!("working")));
    assert_eq!(working["statusMessage"], "at the gate");
    assert!(working.get("result").is_none());

    toolbox.gate.open();
    let done = peer.until(id, &["completed"]).await;
    assert_eq!(done["result"]["content"][0]["text"], "through the gate");
    assert!(done["result"]["_meta"]["io.modelcontextprotocol/related-task"].is_null());
    // It stays as it is.
    assert_eq!(peer.result("tasks/get", json!({"taskId": id})).await, done);
    assert_eq!(peer.result("tasks/cancel", json!({"taskId": id})).await["resultType"], "complete");
    assert_eq!(peer.result("tasks/get", json!({"taskId": id})).await["status"], "completed");
}

#[tokio::test]
async fn a_task_outlives_its_connection() {
    let toolbox = Toolbox::default();
    let server = toolbox.server();
    let mut peer = Peer::with_tasks(&server);
    let id = peer.call("gate").await["taskId"].take();
    drop(peer);
    toolbox.gate.open();
    let done = Peer::with_tasks(&server).until(&id, &["completed"]).await;
    assert_eq!(done["result"]["content"][0]["text"], "through the gate");
}

#[tokio::test]
async fn what_never_waits_is_answered_at_once() {
    let mut peer = Peer::with_tasks(&Toolbox::default().server());
    for (tool, text) in [("greet", "hello"), ("quick", "done")] {
        let result =
            peer.result("tools/call", json!({"name": tool, "arguments": {}, "task": {"ttl": 60_000}})).await;
        assert_eq!(result["resultType"], "complete");
        assert_eq!(result["content"][0]["text"], text);
    }
}

#[tokio::test]
async fn a_tool_that_fails_completes_and_a_request_that_breaks_fails() {
    let mut peer = Peer::with_tasks(&Toolbox::default().server());
    let id = peer.call("failing").await["taskId"].take();
    let done = peer.until(&id, &["completed", "failed"]).await;
    assert_eq!((&done["status"], &done["result"]["isError"]), (&json!("completed"), &json!(true)));

    for (tool, message) in [("broken", "it broke"), ("panic", "the tool's handler panicked")] {
        let id = peer.call(tool).await["taskId"].take();
        let failed = peer.until(&id, &["completed", "failed"]).await;
        assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!(-32603)));
        assert_eq!(
            (&failed["error"]["message"], &failed["statusMessage"]),
            (&json!(message), &json!(message))
        );
        assert!(failed.get("result").is_none());
    }
}

#[tokio::test]
async fn cancelling_drops_the_handler() {
    let toolbox = Toolbox::default();
    let mut peer = Peer::with_tasks(&toolbox.server());
    let id = peer.call("gate").await["taskId"].take();
    let acknowledged = peer.result("tasks/cancel", json!({"taskId": id})).await;
    assert_eq!(acknowledged["resultType"], "complete");
    assert!(acknowledged.get("taskId").is_none() && acknowledged.get("status").is_none());
    toolbox.dropped(1).await;
    let cancelled = peer.until(&id, &["cancelled", "completed", "failed"]).await;
    assert_eq!(cancelled["status"], "cancelled");
    toolbox.gate.open();
    assert_eq!(peer.result("tasks/get", json!({"taskId": id})).await["status"], "cancelled");
}

#[tokio::test]
async fn a_client_that_did_not_declare_the_extension_gets_no_task() {
    let toolbox = Toolbox::default();
    let mut peer =
        Peer::stateless(&toolbox.server(), json!({"tasks": {"requests": {"tools": {"call": {}}}}}));
    toolbox.gate.open();
    let result = peer.call("gate").await;
    assert_eq!(
        (&result["resultType"], &result["content"][0]["text"]),
        (&json!("complete"), &json!("through the gate"))
    );

    let required = json!({"requiredCapabilities": {"extensions": {TASKS: {}}}});
    let refused = peer.error("tools/call", json!({"name": "failing", "arguments": {}})).await;
    assert_eq!((&refused["code"], &refused["data"]), (&json!(-32021), &required));
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let refused = peer.error(method, json!({"taskId": "x", "inputResponses": {}})).await;
        assert_eq!((&refused["code"], &refused["data"]), (&json!(-32021), &required), "{method}");
    }
}

#[tokio::test]
async fn unknown_tasks_and_methods_that_were_taken_out_are_refused() {
    let mut peer = Peer::with_tasks(&Toolbox::default().server());
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let refused = peer.error(method, json!({"taskId": "x", "inputResponses": {}})).await;
        assert_eq!(refused["code"], -32602, "{method}");
        assert_eq!(peer.error(method, json!({})).await["code"], -32602, "{method}");
    }
    for method in ["tasks/result", "tasks/list"] {
        assert_eq!(peer.error(method, json!({"taskId": "x"})).await["code"], -32601, "{method}");
    }
}

#[tokio::test]
async fn a_handler_says_from_when_on_it_is_a_task() {
    let toolbox = Toolbox::default();
    let mut peer = Peer::with_tasks(&toolbox.server());
    let created = peer.call("later").await;
    assert_eq!(created["resultType"], "task");
    toolbox.gate.open();
    let done = peer.until(&created["taskId"], &["completed"]).await;
    assert_eq!(done["result"]["content"][0]["text"], "a task: true");
}

#[tokio::test]
async fn past_the_limit_calls_stay_calls_or_are_refused() {
    let toolbox = Toolbox::default();
    let server = toolbox.server().limits(Limits::with(|it| it.tasks = 1));
    let mut peer = Peer::with_tasks(&server);
    let first = peer.call("gate").await["taskId"].take();
    assert_eq!(peer.error("tools/call", json!({"name": "failing", "arguments": {}})).await["code"], -32603);
    let waiting = peer.send("tools/call", json!({"name": "gate", "arguments": {}})).await;
    toolbox.gate.open();
    toolbox.gate.open();
    // The call's answer and the task's end come in any order.
    assert_eq!(peer.answer(waiting).await["result"]["resultType"], "complete");
    peer.until(&first, &["completed"]).await;
    let again = peer.call("failing").await;
    assert_eq!(again["resultType"], "task");
}

#[tokio::test(start_paused = true)]
async fn when_its_time_is_up_a_task_and_its_work_are_gone() {
    let toolbox = Toolbox::default();
    let limits = Limits::with(|it| it.task_ttl = Duration::from_secs(60));
    let mut peer = Peer::with_tasks(&toolbox.server().limits(limits));
    let created = peer.call("gate").await;
    assert_eq!(created["ttlMs"], 60_000);
    // Time goes by when there is nothing else to do.
    toolbox.dropped(1).await;
    loop {
        let answer = peer.ask("tasks/get", json!({"taskId": created["taskId"]})).await;
        if answer["error"]["code"] == -32602 {
            break;
        }
        assert_ne!(answer["result"]["status"], "completed", "{answer}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_there_is_no_room_for_fails_in_words() {
    let toolbox = Toolbox::default();
    let store = oxmcp::store::MemoryTasks::default().bytes(2048);
    let server = toolbox.server().task_store(store).task_tool(
        "large",
        "Says much.",
        oxmcp::server::TaskMode::optional(),
        || async {
            tokio::task::yield_now().await;
            "x".repeat(4096)
        },
    );
    let mut peer = Peer::with_tasks(&server);
    let created = peer.call("large").await;
    let failed = peer.until(&created["taskId"], &["completed", "failed"]).await;
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!(-32603)));
    let second: Value = peer.call("gate").await;
    assert_eq!(second["resultType"], "task");
    // There is no room for a third, however small. What need not be a task is none then.
    let refused = loop {
        let answer = peer.ask("tools/call", json!({"name": "failing", "arguments": {}})).await;
        if answer.get("error").is_some() {
            break answer;
        }
    };
    assert_eq!(refused["error"]["code"], -32603);
    let call = peer.send("tools/call", json!({"name": "gate", "arguments": {}})).await;
    toolbox.gate.open();
    toolbox.gate.open();
    assert_eq!(peer.answer(call).await["result"]["resultType"], "complete");
}

fn accept(content: Value) -> Value {
    json!({"action": "accept", "content": content})
}

/// The keys of the questions that wait.
fn keys(task: &Value) -> Vec<String> {
    task["inputRequests"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn a_task_asks_and_goes_on_with_the_answer() {
    let mut peer = Peer::with_tasks(&Toolbox::default().server());
    let id = peer.call("confirm").await["taskId"].take();
    let asking = peer.until(&id, &["input_required"]).await;
    let [key] = &keys(&asking)[..] else { panic!("{asking}") };
    assert_eq!(asking["inputRequests"][key]["method"], "elicitation/create");
    assert_eq!(asking["inputRequests"][key]["params"]["message"], "Really?");

    let answers = json!({"taskId": id, "inputResponses": {"unknown": {"ignored": true}}});
    let acknowledged = peer.result("tasks/update", answers).await;
    assert_eq!(acknowledged["resultType"], "complete");
    assert!(acknowledged.get("taskId").is_none() && acknowledged.get("status").is_none());
    assert_eq!(peer.result("tasks/get", json!({"taskId": id})).await, asking);

    let answers = json!({"taskId": id, "inputResponses": {key: accept(json!({"confirm": true}))}});
    peer.result("tasks/update", answers.clone()).await;
    let done = peer.until(&id, &["completed", "failed"]).await;
    assert_eq!(done["result"]["content"][0]["text"], "confirmed");
    assert!(done.get("inputRequests").is_none());
    assert_eq!(peer.result("tasks/update", answers).await["resultType"], "complete");
}

#[tokio::test]
async fn questions_are_answered_one_by_one() {
    let mut peer = Peer::with_tasks(&Toolbox::default().server());
    let id = peer.call("names").await["taskId"].take();
    let asking = peer.until(&id, &["input_required"]).await;
    let [first, last] = &keys(&asking)[..] else { panic!("{asking}") };
    assert!(first.starts_with("first") && last.starts_with("last"));
    let ada = json!({"taskId": id, "inputResponses": {first: accept(json!({"name": "Ada"}))}});
    peer.result("tasks/update", ada.clone()).await;
    let asking = peer.result("tasks/get", json!({"taskId": id})).await;
    assert_eq!((&asking["status"], keys(&asking)), (&json!("input_required"), vec![last.clone()]));
    // An answer that comes twice is ignored.
    peer.result("tasks/update", ada).await;
    let lovelace = json!({"taskId": id, "inputResponses": {last: accept(json!({"name": "Lovelace"}))}});
    peer.result("tasks/update", lovelace).await;
    let done = peer.until(&id, &["completed", "failed"]).await;
    assert_eq!(done["result"]["content"][0]["text"], "Ada Lovelace");
}

#[tokio::test]
async fn a_user_who_says_no_is_heard() {
    let mut peer = Peer::with_tasks(&Toolbox::default().server());
    let id = peer.call("confirm").await["taskId"].take();
    let asking = peer.until(&id, &["input_required"]).await;
    let answers = json!({"taskId": id, "inputResponses": {&keys(&asking)[0]: {"action": "decline"}}});
    peer.result("tasks/update", answers).await;
    let done = peer.until(&id, &["completed", "failed"]).await;
    assert_eq!((&done["status"], &done["result"]["isError"]), (&json!("completed"), &json!(true)));

    // Nor is anybody asked who cannot be.
    let mut peer = Peer::stateless(&Toolbox::default().server(), json!({"extensions": {TASKS: {}}}));
    let refused = peer.error("tools/call", json!({"name": "confirm", "arguments": {}})).await;
    assert_eq!(refused["code"], -32021);
}

#[tokio::test]
async fn rounds_of_input_come_before_the_task_and_its_questions_after() {
    let mut peer = Peer::with_tasks(&Toolbox::default().server());
    let required = peer.call("composed").await;
    assert_eq!(required["resultType"], "input_required");
    assert!(required.get("taskId").is_none());
    let [key] = &keys(&required)[..] else { panic!("{required}") };
    let again = json!({"name": "composed", "arguments": {}, "requestState": required["requestState"],
        "inputResponses": {key: accept(json!({"name": "Alice"}))}});
    let created = peer.result("tools/call", again).await;
    assert_eq!(created["resultType"], "task");
    assert!(created.get("requestState").is_none() && created.get("inputRequests").is_none());

    let asking = peer.until(&created["taskId"], &["input_required"]).await;
    let [key] = &keys(&asking)[..] else { panic!("{asking}") };
    let answers =
        json!({"taskId": created["taskId"], "inputResponses": {key: accept(json!({"name": "Rex"}))}});
    peer.result("tasks/update", answers).await;
    let done = peer.until(&created["taskId"], &["completed", "failed"]).await;
    assert_eq!(done["result"]["content"][0]["text"], "Alice and Rex, 2");
}

#[tokio::test]
async fn a_subscription_hears_how_its_tasks_stand() {
    let toolbox = Toolbox::default();
    let mut peer = Peer::with_tasks(&toolbox.server());
    let done = peer.call("failing").await["taskId"].take();
    peer.until(&done, &["completed"]).await;
    let working = peer.call("gate").await["taskId"].take();
    let filter = json!({"notifications": {"taskIds": [done, "unknown", working, working]}});
    let subscription = peer.send("subscriptions/listen", filter).await;
    let acknowledged = peer.read().await;
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(acknowledged["params"]["notifications"], json!({"taskIds": [done, working]}));

    let mut heard = async |id: &Value| {
        let mut message = peer.read().await;
        assert_eq!(message["method"], "notifications/tasks", "{message}");
        assert_eq!(message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], subscription);
        assert_eq!(message["params"]["taskId"], *id);
        assert!(message["params"].get("resultType").is_none());
        message["params"].take()
    };
    assert_eq!(heard(&done).await["result"]["content"][0]["text"], "no luck");
    assert_eq!(heard(&working).await["status"], "working");
    toolbox.gate.open();
    let completed = heard(&working).await;
    assert_eq!(
        (&completed["status"], &completed["result"]["content"][0]["text"]),
        (&json!("completed"), &json!("through the gate"))
    );

    let mut stranger = Peer::stateless(&toolbox.server(), json!({}));
    let filter = json!({"notifications": {"taskIds": [working]}});
    assert_eq!(stranger.error("subscriptions/listen", filter).await["code"], -32021);
}

#[tokio::test]
async fn a_task_may_be_kept_as_long_as_a_clock_goes() {
    let limits = Limits::with(|it| it.task_ttl = Duration::MAX);
    let mut peer = Peer::with_tasks(&Toolbox::default().server().limits(limits));
    let created = peer.call("gate").await;
    assert_eq!(created["ttlMs"], 3_153_600_000_000_u64);
    assert_eq!(peer.result("tasks/get", json!({"taskId": created["taskId"]})).await["status"], "working");
}
