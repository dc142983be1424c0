use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join;
use oxmcp::model::{ElicitAction, ElicitFormParams, ElicitResult};
use oxmcp::{ErrorKind, ProtocolVersion};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::peer::{Peer, connect};

const STATELESS: ProtocolVersion = ProtocolVersion::V2026_07_28;

/// Receives `tasks/get`.
async fn looked(peer: &mut Peer) -> Value {
    let request = peer.receive().await;
    assert_eq!((&request["method"], &request["params"]["taskId"]), (&json!("tasks/get"), &json!("t")));
    request
}

async fn answer(peer: &mut Peer, request: &Value, status: &str, more: Value) {
    let mut task = json!({"resultType": "complete", "taskId": "t", "status": status, "createdAt": "2026-07-28T00:00:00Z",
        "lastUpdatedAt": "2026-07-28T00:00:00Z", "ttlMs": null, "pollIntervalMs": 20});
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    peer.answer(request, task).await;
}

async fn complete(peer: &mut Peer, request: &Value) {
    let content = json!([{"type": "text", "text": "done"}]);
    answer(peer, request, "completed", json!({"result": {"content": content}})).await;
}

/// So many questions.
fn questions(count: usize) -> Value {
    let form =
        json!({"mode": "form", "message": "Who?", "requestedSchema": {"type": "object", "properties": {}}});
    let question = json!({"method": "elicitation/create", "params": form});
    let questions: Map<String, Value> = (0..count).map(|at| (at.to_string(), question.clone())).collect();
    json!({"inputRequests": questions})
}

fn yes() -> ElicitResult {
    ElicitResult { content: Some(Map::new()), ..ElicitResult::of(ElicitAction::Accept) }
}

/// Time passes when nobody has anything else to do.
#[tokio::test(start_paused = true)]
async fn a_task_that_is_over_is_not_waited_for() {
    let (client, mut peer) = connect(STATELESS, |it| it.tasks()).await;
    let began = Instant::now();
    let serve = async {
        let request = looked(&mut peer).await;
        complete(&mut peer, &request).await;
    };
    let result = async { Ok(client.task("t").result().await?.joined_text()) };
    let ((), text) = tokio::try_join!(serve.map(Ok::<_, oxmcp::Error>), result).unwrap();
    assert_eq!(text, "done");
    assert_eq!(Instant::now(), began);
}

#[tokio::test]
async fn what_the_user_says_is_passed_on_while_the_server_is_asked() {
    let go = Arc::new(Notify::new());
    let user = {
        let go = go.clone();
        move |_: ElicitFormParams| {
            let go = go.clone();
            async move {
                go.notified().await;
                yes()
            }
        }
    };
    let (client, mut peer) = connect(STATELESS, |it| it.tasks().on_elicitation(user)).await;
    let serve = async {
        let first = looked(&mut peer).await;
        answer(&mut peer, &first, "input_required", questions(1)).await;
        let second = looked(&mut peer).await;
        go.notify_one();
        let update = peer.receive().await;
        assert_eq!(update["method"], "tasks/update");
        peer.answer(&update, json!({"resultType": "complete"})).await;
        answer(&mut peer, &second, "working", json!({})).await;
        let third = looked(&mut peer).await;
        complete(&mut peer, &third).await;
    };
    let result = async { Ok(client.task("t").result().await?.joined_text()) };
    let ((), text) = tokio::try_join!(serve.map(Ok::<_, oxmcp::Error>), result).unwrap();
    assert_eq!(text, "done");
}

#[tokio::test]
async fn a_task_asks_no_more_than_a_user_could_answer() {
    let (client, mut peer) =
        connect(STATELESS, |it| it.tasks().on_elicitation(async |_: ElicitFormParams| yes())).await;
    let serve = async {
        let call = peer.receive().await;
        assert_eq!(call["method"], "tools/call");
        peer.answer(&call, json!({"resultType": "task", "taskId": "t", "pollIntervalMs": 20})).await;
        let request = looked(&mut peer).await;
        answer(&mut peer, &request, "input_required", questions(65)).await;
        // Nobody will answer, so nobody waits.
        peer.receive().await
    };
    let both = join(serve, client.call_tool("dig", json!({})).into_future());
    let (cancel, result) =
        tokio::time::timeout(Duration::from_secs(30), both).await.expect("it does not settle");
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Overloaded);
    assert_eq!((&cancel["method"], &cancel["params"]["taskId"]), (&json!("tasks/cancel"), &json!("t")));
}
