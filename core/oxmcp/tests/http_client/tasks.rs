use oxmcp::model::{ElicitAction, ElicitFormParams, ElicitResult};
use oxmcp::{Client, ErrorKind};
use serde_json::{Value, json};

use crate::peer::{Peer, Reply, Seen, error, json_response, response, result, settled};

/// A server whose only tool is always a task. It answers questions about it as `on_task` says, which hears how many there were before.
fn tasked(mut on_task: impl FnMut(usize, &Seen) -> Reply + Send + 'static) -> Peer {
    let mut times = 0;
    Peer::new(move |seen| match seen.body["method"].as_str() {
        Some("tools/call") => {
            let task = json!({"resultType": "task", "taskId": "t", "status": "working", "createdAt": "2026-07-28T00:00:00Z",
                "lastUpdatedAt": "2026-07-28T00:00:00Z", "ttlMs": null, "pollIntervalMs": 20});
            result(seen, task)
        }
        Some("server/discover") => {
            let extensions = json!({"io.modelcontextprotocol/tasks": {}});
            let capabilities = json!({"tools": {}, "extensions": extensions});
            result(seen, json!({"supportedVersions": ["2026-07-28"], "capabilities": capabilities}))
        }
        _ => {
            times += 1;
            on_task(times - 1, seen)
        }
    })
}

/// How the task stands.
fn stands(seen: &Seen, status: &str, more: Value) -> Reply {
    let mut task = json!({"resultType": "complete", "taskId": "t", "status": status, "createdAt": "2026-07-28T00:00:00Z",
        "lastUpdatedAt": "2026-07-28T00:00:00Z", "ttlMs": null, "pollIntervalMs": 20});
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    result(seen, task)
}

fn completed(seen: &Seen) -> Reply {
    let content = json!([{"type": "text", "text": "done"}]);
    stands(seen, "completed", json!({"result": {"content": content}}))
}

fn unavailable() -> Reply {
    response("503 Service Unavailable", &[], "restarting")
}

#[tokio::test]
async fn a_task_outlives_a_server_that_is_not_there_for_a_while() {
    let mut peer = tasked(|times, seen| match times {
        0 => unavailable(),
        1 => Reply::Hang,
        2 => stands(seen, "working", json!({})),
        3 => {
            let error = json!({"code": -32603, "message": "starting"});
            json_response(
                "503 Service Unavailable",
                &json!({"jsonrpc": "2.0", "id": seen.body["id"], "error": error}),
            )
        }
        _ => completed(seen),
    });
    let client = settled(Client::connect(peer.url.as_str()).tasks()).await.unwrap();
    let done = settled(client.call_tool("dig", json!({}))).await.unwrap();
    assert_eq!(done.joined_text(), "done");
    settled(client.close()).await.unwrap();
    peer.sees(&["POST server/discover", "POST tools/call"]).await;
    peer.sees(&["POST tasks/get"; 5]).await;
    assert!(peer.rest().is_empty(), "the task was not cancelled");
}

#[tokio::test]
async fn a_handle_outlives_a_server_that_is_not_there_for_a_while() {
    let peer = tasked(|times, seen| match times {
        0 | 2 => unavailable(),
        1 => stands(seen, "working", json!({})),
        _ => completed(seen),
    });
    let client = settled(Client::connect(peer.url.as_str()).tasks()).await.unwrap();
    assert_eq!(settled(client.task("t").result()).await.unwrap().joined_text(), "done");
    settled(client.close()).await.unwrap();
}

#[tokio::test]
async fn what_the_user_said_is_not_lost_with_a_request() {
    let mut updates = 0;
    let mut peer = tasked(move |_, seen| match (seen.what().as_str(), updates) {
        ("POST tasks/update", _) => {
            updates += 1;
            if updates == 1 { unavailable() } else { result(seen, json!({"resultType": "complete"})) }
        }
        (_, 2) => completed(seen),
        _ => {
            let form = json!({"mode": "form", "message": "Who?", "requestedSchema": {"type": "object", "properties": {}}});
            let questions = json!({"who": {"method": "elicitation/create", "params": form}});
            stands(seen, "input_required", json!({"inputRequests": questions}))
        }
    });
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let user = move |_: ElicitFormParams| {
        told.send(()).unwrap();
        async { ElicitResult { content: Some(Default::default()), ..ElicitResult::of(ElicitAction::Accept) } }
    };
    let client = settled(Client::connect(peer.url.as_str()).tasks().on_elicitation(user)).await.unwrap();
    let done = settled(client.call_tool("dig", json!({}))).await.unwrap();
    assert_eq!(done.joined_text(), "done");
    settled(client.close()).await.unwrap();
    assert!(heard.recv().await.is_some());
    assert!(heard.try_recv().is_err(), "the user is asked once");
    let seen = peer.rest();
    let updates: Vec<_> = seen.iter().filter(|seen| seen.what() == "POST tasks/update").collect();
    assert_eq!(updates.len(), 2);
    assert_eq!(updates[0].body["params"]["inputResponses"], updates[1].body["params"]["inputResponses"]);
    assert!(seen.iter().all(|seen| seen.what() != "POST tasks/cancel"));
}

#[tokio::test]
async fn a_task_that_the_server_has_lost_may_have_run_and_one_that_failed_is_answered() {
    let lost: fn(usize, &Seen) -> Reply = |_, seen| error("200 OK", seen, -32602);
    let failed: fn(usize, &Seen) -> Reply =
        |_, seen| stands(seen, "failed", json!({"error": {"code": -32602, "message": "no"}}));
    for (on_task, may_have_run) in [(lost, true), (failed, false)] {
        let peer = tasked(on_task);
        let client = settled(Client::connect(peer.url.as_str()).tasks()).await.unwrap();
        let error = settled(client.call_tool("dig", json!({}))).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_run()), (ErrorKind::Rpc, may_have_run), "{error}");
        let handle = settled(client.call_tool("dig", json!({})).as_task()).await.unwrap();
        let error = settled(handle.result()).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_run()), (ErrorKind::Rpc, may_have_run), "{error}");
        settled(client.close()).await.unwrap();
    }
}
