//! Requests of the server that become tasks of the client (2025-11-25).

use std::sync::Arc;

use oxmcp::model::{CreateMessageParams, CreateMessageResult, ElicitAction, ElicitFormParams, ElicitResult};
use oxmcp::{Limits, ProtocolVersion};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::peer::{Peer, connect};

const EXPERIMENTAL: ProtocolVersion = ProtocolVersion::V2025_11_25;
const RELATED: &str = "io.modelcontextprotocol/related-task";

fn hello(task: Value) -> Value {
    json!({"messages": [{"role": "user", "content": {"type": "text", "text": "hello"}}], "maxTokens": 5, "task": task})
}

async fn echo(params: CreateMessageParams) -> CreateMessageResult {
    CreateMessageResult::text("m", params.messages[0].content[0].as_text().unwrap_or_default())
}

/// Makes a request a task; gives its id.
async fn create(peer: &mut Peer, method: &str, params: Value) -> Value {
    let created = peer.ask(method, params).await;
    let task = &created["result"]["task"];
    assert_eq!(task["status"], "working", "{created}");
    assert_eq!(created["result"]["_meta"][RELATED]["taskId"], task["taskId"]);
    task["taskId"].clone()
}

#[tokio::test]
async fn sampling_becomes_a_task_that_is_asked_about_until_it_is_done() {
    let gate = Arc::new(Semaphore::new(0));
    let passes = gate.clone();
    let sampling = move |params: CreateMessageParams| {
        let gate = passes.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            echo(params).await
        }
    };
    let (_client, mut peer) = connect(EXPERIMENTAL, |it| it.on_sampling(sampling).tasks()).await;
    let declared = json!({"list": {}, "cancel": {}, "requests": {"sampling": {"createMessage": {}}}});
    assert_eq!(peer.capabilities["tasks"], declared);

    let id = create(&mut peer, "sampling/createMessage", hello(json!({"ttl": 60_000}))).await;
    let params = json!({"taskId": id});
    let working = peer.ask("tasks/get", params.clone()).await;
    assert_eq!(
        (&working["result"]["status"], &working["result"]["ttl"]),
        (&json!("working"), &json!(60_000))
    );
    let listed = peer.ask("tasks/list", json!({})).await;
    assert_eq!(listed["result"]["tasks"], json!([working["result"]]));

    peer.send(json!({"jsonrpc": "2.0", "id": "waits", "method": "tasks/result", "params": params})).await;
    gate.add_permits(1);
    let mut messages = [peer.receive().await, peer.receive().await];
    messages.sort_by_key(|message| message["id"].is_null());
    let [answer, status] = &messages;
    assert_eq!((&answer["id"], &answer["result"]["content"]["text"]), (&json!("waits"), &json!("hello")));
    assert_eq!(answer["result"]["_meta"][RELATED], params);
    assert_eq!(status["method"], "notifications/tasks/status");
    assert_eq!(status["params"], peer.ask("tasks/get", params.clone()).await["result"]);
    assert_eq!(status["params"]["status"], "completed");
    assert_eq!(peer.ask("tasks/result", params.clone()).await["result"], answer["result"]);
    assert_eq!(peer.ask("tasks/cancel", params).await["error"]["code"], -32602);
    assert_eq!(peer.ask("tasks/get", json!({"taskId": "?"})).await["error"]["code"], -32602);
}

/// Says that it was dropped.
struct Dropped(UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[tokio::test]
async fn a_question_that_is_cancelled_as_a_task_or_with_its_client_is_dropped() {
    let (says, mut said) = unbounded_channel();
    let asks = move |_: ElicitFormParams| {
        says.send("asked").unwrap();
        let guard = Dropped(says.clone());
        async move {
            std::future::pending::<()>().await;
            drop(guard);
            ElicitResult::of(ElicitAction::Cancel)
        }
    };
    let two = Limits::with(|it| it.tasks = 2);
    let (client, mut peer) = connect(EXPERIMENTAL, |it| it.on_elicitation(asks).tasks().limits(two)).await;
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let question = json!({"message": "Who?", "requestedSchema": schema, "task": {}});
    let id = create(&mut peer, "elicitation/create", question.clone()).await;
    create(&mut peer, "elicitation/create", question.clone()).await;
    for _ in 0..2 {
        assert_eq!(said.recv().await, Some("asked"));
    }
    // There is room for two.
    assert_eq!(peer.ask("elicitation/create", question).await["error"]["code"], -32603);
    let cancelled = peer.ask("tasks/cancel", json!({"taskId": id})).await;
    assert_eq!(cancelled["result"]["status"], "cancelled");
    assert_eq!(peer.ask("tasks/result", json!({"taskId": id})).await["error"]["code"], -32602);
    assert_eq!(said.recv().await, Some("dropped"));
    drop(client);
    assert_eq!(said.recv().await, Some("dropped"));
}

#[tokio::test]
async fn who_declares_no_tasks_answers_as_ever() {
    let (_client, mut peer) = connect(EXPERIMENTAL, |it| it.on_sampling(echo)).await;
    assert!(peer.capabilities["tasks"].is_null());
    let answer = peer.ask("sampling/createMessage", hello(json!({}))).await;
    assert_eq!(answer["result"]["content"]["text"], "hello");
    assert_eq!(peer.ask("tasks/get", json!({"taskId": "?"})).await["error"]["code"], -32601);

    let (_client, mut peer) = connect(EXPERIMENTAL, |it| it.tasks()).await;
    assert!(peer.capabilities["tasks"].is_null());
    assert_eq!(peer.ask("tasks/list", json!({})).await["error"]["code"], -32601);
    // Tasks are an extension later.
    let (_client, peer) = connect(ProtocolVersion::V2026_07_28, |it| it.on_sampling(echo).tasks()).await;
    assert!(peer.capabilities["tasks"].is_null() && !peer.capabilities["extensions"].is_null());
}
