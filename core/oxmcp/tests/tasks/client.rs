use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use oxmcp::client::{Connect, Target};
use oxmcp::layer::{LayerRequest, Next, from_fn};
use oxmcp::model::{ElicitAction, ElicitFormParams, ElicitResult, TaskStatus};
use oxmcp::transport::{HttpOptions, HttpServer};
use oxmcp::{Client, ErrorKind, Limits, ProtocolVersion, Server};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use crate::toolbox::Toolbox;

const EXPERIMENTAL: ProtocolVersion = ProtocolVersion::V2025_11_25;
const EXTENSION: ProtocolVersion = ProtocolVersion::V2026_07_28;

/// The user: accepts everything, and is called Ada.
async fn accept(form: ElicitFormParams) -> ElicitResult {
    let names = form.requested_schema.properties.iter().map(|(name, _)| name.to_string());
    let content: Map<String, Value> = names
        .map(|name| match name.as_str() {
            "confirm" => (name, json!(true)),
            _ => (name, json!("Ada")),
        })
        .collect();
    ElicitResult { content: Some(content), ..ElicitResult::of(ElicitAction::Accept) }
}

/// A server that is asked often how its tasks stand.
fn server(toolbox: &Toolbox) -> Server {
    toolbox.server().limits(Limits::with(|it| it.task_poll = Duration::from_millis(1)))
}

fn with_user(connect: Connect) -> Connect {
    connect.tasks().on_elicitation(accept)
}

/// A client in memory and one over HTTP.
async fn clients(server: &Server, version: ProtocolVersion) -> (Vec<Client>, HttpServer) {
    let listening = server.listen(HttpOptions::default()).await.unwrap();
    let memory = with_user(Client::connect(server.clone())).only(version).await.unwrap();
    let http = with_user(Client::connect(listening.url())).only(version).await.unwrap();
    (vec![memory, http], listening)
}

#[tokio::test]
async fn a_task_is_followed_by_its_handle_in_both_forms() {
    for version in [EXPERIMENTAL, EXTENSION] {
        let toolbox = Toolbox::default();
        let (clients, _listening) = clients(&server(&toolbox), version).await;
        for client in clients {
            let task = client.call_tool("gate", json!({})).as_task().await.unwrap();
            let status = task.status().await.unwrap().unwrap();
            assert_eq!((status.task_id.as_str(), status.status), (task.id().unwrap(), TaskStatus::Working));
            assert_eq!((status.poll_interval_ms, status.ttl_ms), (Some(1), Some(3_600_000)));

            let mut updates = Box::pin(task.updates());
            assert_eq!(updates.next().await.unwrap().unwrap().status, TaskStatus::Working);
            toolbox.gate.open();
            let rest: Vec<_> = updates.map_ok(|task| task.status).try_collect().await.unwrap();
            assert_eq!(rest.last(), Some(&TaskStatus::Completed), "{version}");
            assert_eq!(task.result().await.unwrap().joined_text(), "through the gate");
            // Again, by another handle.
            let again = client.task(task.id().unwrap());
            assert_eq!(again.result().await.unwrap().joined_text(), "through the gate");
        }
    }
}

/// The clock goes on by itself only when everybody waits.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_told_that_a_task_is_over_does_not_wait_until_it_asks_again() {
    let toolbox = Toolbox::default();
    let server = toolbox.server().limits(Limits::with(|it| it.task_poll = Duration::from_secs(50)));
    let client = with_user(Client::connect(server)).only(EXPERIMENTAL).await.unwrap();
    let task = client.call_tool("gate", json!({})).as_task().await.unwrap();
    let following = tokio::spawn({
        let task = task.clone();
        async move { task.result().await }
    });
    // By then it has asked, and waits.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let opened = tokio::time::Instant::now();
    toolbox.gate.open();
    assert_eq!(following.await.unwrap().unwrap().joined_text(), "through the gate");
    assert_eq!(opened.elapsed(), Duration::ZERO, "the clock stood still");
}

#[tokio::test]
async fn a_session_over_http_is_told_of_its_tasks_too() {
    let toolbox = Toolbox::default();
    let listening = server(&toolbox).listen(HttpOptions::default()).await.unwrap();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let layer = from_fn(move |request: LayerRequest, next: Next| {
        if request.method() == "notifications/tasks/status" {
            let _ = tell.send(request.params().to::<Value>().unwrap());
        }
        next.run(request)
    });
    let connect = Client::connect(listening.url()).only(EXPERIMENTAL).layer(layer);
    let client = connect.await.unwrap();
    // Nothing is told before the client listens, which is soon after it is connected.
    let heard = loop {
        toolbox.gate.open();
        let task = client.call_tool("gate", json!({})).as_task().await.unwrap();
        task.result().await.unwrap();
        tokio::select! {
            biased;
            told = told.recv() => break told.unwrap(),
            () = tokio::task::yield_now() => {}
        }
    };
    assert_eq!(heard["status"], "completed");
}

#[tokio::test]
async fn a_task_asks_the_handlers_of_its_client() {
    for version in [EXPERIMENTAL, EXTENSION] {
        let (clients, _listening) = clients(&server(&Toolbox::default()), version).await;
        for client in clients {
            for (tool, text) in
                [("confirm", "confirmed"), ("names", "Ada Ada"), ("composed", "Ada and Ada, 2")]
            {
                let task = client.call_tool(tool, json!({})).as_task().await.unwrap();
                assert_eq!(task.result().await.unwrap().joined_text(), text, "{version}");
            }
        }
    }
}

#[tokio::test]
async fn a_plain_call_that_becomes_a_task_is_followed_to_its_result() {
    let toolbox = Toolbox::default();
    let (clients, _listening) = clients(&server(&toolbox), EXTENSION).await;
    for client in clients {
        for (tool, text) in [("confirm", "confirmed"), ("composed", "Ada and Ada, 2"), ("quick", "done")] {
            assert_eq!(client.call_tool(tool, json!({})).await.unwrap().joined_text(), text);
        }
        toolbox.gate.open();
        assert_eq!(client.call_tool("gate", json!({})).await.unwrap().joined_text(), "through the gate");
        let failed = client.call_tool("failing", json!({})).await.unwrap();
        assert!(failed.is_error && failed.joined_text() == "no luck");
        let broken = client.call_tool("broken", json!({})).await.unwrap_err();
        assert_eq!((broken.kind(), broken.rpc().unwrap().message.as_str()), (ErrorKind::Rpc, "it broke"));
    }
}

#[tokio::test]
async fn whoever_gives_up_a_plain_call_cancels_its_task() {
    let toolbox = Toolbox::default();
    let server = server(&toolbox);
    let listening = server.listen(HttpOptions::default()).await.unwrap();
    let targets = [Target::from(server.clone()), Target::from(listening.url())];
    for (at, target) in targets.into_iter().enumerate() {
        // Once its user is asked, the client knows of the task.
        let asked = Arc::new(Notify::new());
        let user = {
            let asked = asked.clone();
            move |_: ElicitFormParams| {
                asked.notify_one();
                std::future::pending::<ElicitResult>()
            }
        };
        let client = Client::connect(target).tasks().on_elicitation(user).await.unwrap();
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.call_tool("asking", json!({})).await }
        });
        asked.notified().await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        toolbox.dropped(at + 1).await;
        client.ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_task_is_cancelled_by_its_handle_alone() {
    for version in [EXPERIMENTAL, EXTENSION] {
        let toolbox = Toolbox::default();
        let client = with_user(Client::connect(server(&toolbox))).only(version).await.unwrap();
        let task = client.call_tool("gate", json!({})).as_task().await.unwrap();
        drop(task.clone());
        assert_eq!(task.status().await.unwrap().unwrap().status, TaskStatus::Working);
        task.cancel().await.unwrap();
        toolbox.dropped(1).await;
        assert_eq!(task.result().await.unwrap_err().kind(), ErrorKind::Cancelled);
        let unknown = client.task("x").result().await.unwrap_err();
        assert_eq!((unknown.kind(), unknown.rpc().unwrap().code), (ErrorKind::Rpc, -32602));
    }
}

#[tokio::test]
async fn a_task_is_found_again_by_a_new_client() {
    let toolbox = Toolbox::default();
    let server = server(&toolbox);
    let client = with_user(Client::connect(server.clone())).await.unwrap();
    let task = client.call_tool("gate", json!({})).as_task().await.unwrap();
    let id = task.id().unwrap().to_owned();
    client.close().await.unwrap();
    assert_eq!(task.result().await.unwrap_err().kind(), ErrorKind::Closed);
    toolbox.gate.open();
    let again = with_user(Client::connect(server)).await.unwrap();
    assert_eq!(again.task(id).result().await.unwrap().joined_text(), "through the gate");
}

#[tokio::test]
async fn what_is_answered_at_once_is_no_task() {
    let client = with_user(Client::connect(server(&Toolbox::default()))).await.unwrap();
    let task = client.call_tool("quick", json!({})).as_task().await.unwrap();
    assert_eq!((task.id(), task.status().await.unwrap()), (None, None));
    assert_eq!(task.result().await.unwrap().joined_text(), "done");
    task.cancel().await.unwrap();
}

#[tokio::test]
async fn a_task_is_not_asked_of_whoever_has_none() {
    let plain = Server::new("plain", "1").tool("greet", "Greet.", || async { "hello" });
    let tasks = server(&Toolbox::default());
    for (server, version, declares) in [
        (&plain, EXPERIMENTAL, true),
        (&plain, EXTENSION, true),
        (&tasks, EXTENSION, false),
        (&tasks, ProtocolVersion::V2025_06_18, true),
    ] {
        let connect = Client::connect(server.clone()).only(version);
        let client = if declares { connect.tasks() } else { connect }.await.unwrap();
        let refused = client.call_tool("gate", json!({})).as_task().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported, "{refused}");
    }
    let client = Client::connect(tasks).await.unwrap();
    let refused = client.call_tool("failing", json!({})).await.unwrap_err();
    assert_eq!(refused.rpc().unwrap().code, -32021);
}

#[tokio::test]
async fn a_client_of_2025_11_25_says_how_long_a_task_is_kept() {
    let client = with_user(Client::connect(server(&Toolbox::default()))).only(EXPERIMENTAL).await.unwrap();
    for (wanted, kept) in [(60, 60_000), (0, 1000), (1_000_000, 86_400_000)] {
        let call = client.call_tool("gate", json!({})).as_task().ttl(Duration::from_secs(wanted));
        let task = call.await.unwrap();
        assert_eq!(task.status().await.unwrap().unwrap().ttl_ms, Some(kept));
    }
}
