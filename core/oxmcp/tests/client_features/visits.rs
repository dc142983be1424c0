//! Calls that a server refuses until its user has visited a page (2025-11-25).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use oxmcp::client::Call;
use oxmcp::model::{ElicitAction, ElicitResult, ElicitUrlParams};
use oxmcp::server::{Arguments, Elicit, ToolError};
use oxmcp::{Client, Context, ErrorKind, Limits, Method, ProtocolVersion, RawJson, Server};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::peer::{Peer, connect};

const VERSION: ProtocolVersion = ProtocolVersion::V2025_11_25;

type Asked = Arc<Mutex<Vec<ElicitUrlParams>>>;

/// A handler that notes what it is asked, and answers.
fn answering(
    action: ElicitAction,
) -> (Asked, impl Fn(ElicitUrlParams) -> std::future::Ready<ElicitResult> + Clone + Send + Sync) {
    let asked = Asked::default();
    let note = asked.clone();
    (asked, move |page| {
        note.lock().unwrap().push(page);
        std::future::ready(ElicitResult::of(action))
    })
}

fn page(id: &str) -> Value {
    json!({"mode": "url", "elicitationId": id, "url": format!("https://example.com/?for={id}"), "message": "Connect."})
}

async fn refuse(peer: &mut Peer, pages: Value) {
    let request = peer.receive().await;
    let error = json!({"code": -32042, "message": "not connected", "data": {"elicitations": pages}});
    peer.send(json!({"jsonrpc": "2.0", "id": request["id"], "error": error})).await;
}

async fn accept(peer: &mut Peer) -> Value {
    let request = peer.receive().await;
    peer.answer(&request, json!({"content": [{"type": "text", "text": "done"}]})).await;
    request
}

async fn complete(peer: &mut Peer, id: &str) {
    peer.tell("notifications/elicitation/complete", json!({"elicitationId": id})).await;
}

#[tokio::test(start_paused = true)]
async fn the_user_visits_the_pages_and_the_call_is_sent_again_when_they_are_done() {
    let (asked, agree) = answering(ElicitAction::Accept);
    let (client, mut peer) = connect(VERSION, |it| it.on_url_elicitation(agree)).await;
    let began = Instant::now();
    let server = async {
        refuse(&mut peer, json!([page("a"), page("b")])).await;
        // One of them overtakes the question.
        complete(&mut peer, "b").await;
        complete(&mut peer, "a").await;
        accept(&mut peer).await
    };
    let (request, result) = tokio::join!(server, client.call_tool("t", json!({"x": 1})).meta("mine", 1));
    assert_eq!(result.unwrap().joined_text(), "done");
    assert_eq!(request["params"]["arguments"], json!({"x": 1}));
    assert_eq!(request["params"]["_meta"]["mine"], 1);
    assert_eq!(began.elapsed(), Duration::ZERO, "nothing was waited for but the pages");
    let asked: Vec<_> =
        asked.lock().unwrap().iter().map(|page| page.elicitation_id.clone().unwrap()).collect();
    assert_eq!(asked, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_say_when_a_page_is_done_is_asked_again_and_the_user_is_not() {
    let (asked, agree) = answering(ElicitAction::Accept);
    let (client, mut peer) = connect(VERSION, |it| it.on_url_elicitation(agree)).await;
    let server = async {
        // Some make an id for each refusal.
        for id in ["a", "b", "b", "c"] {
            refuse(&mut peer, json!([page(id)])).await;
        }
        accept(&mut peer).await
    };
    let (_, result) = tokio::join!(server, client.call_tool("t", ()));
    assert_eq!(result.unwrap().joined_text(), "done");
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_stays_refused_when_the_user_does_not_agree_or_does_not_come_back() {
    for (action, wait) in
        [(ElicitAction::Decline, 600), (ElicitAction::Cancel, 600), (ElicitAction::Accept, 1)]
    {
        let (asked, handler) = answering(action);
        let limits = Limits::with(|it| it.input_wait = Duration::from_secs(wait));
        let (client, mut peer) = connect(VERSION, |it| it.on_url_elicitation(handler).limits(limits)).await;
        let server = async {
            loop {
                refuse(&mut peer, json!([page("a")])).await;
            }
        };
        let result = tokio::select! {
            result = client.call_tool("t", ()) => result,
            () = server => unreachable!(),
        };
        assert_eq!(result.unwrap_err().rpc().unwrap().code, -32042);
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_has_no_handler_or_no_such_error_is_the_callers() {
    let (client, mut peer) = connect(VERSION, |it| it).await;
    let (_, result) = tokio::join!(refuse(&mut peer, json!([page("a")])), client.call_tool("t", ()));
    assert_eq!(result.unwrap_err().rpc().unwrap().code, -32042);
    let (asked, agree) = answering(ElicitAction::Accept);
    for version in [ProtocolVersion::V2025_06_18, ProtocolVersion::V2026_07_28] {
        let (client, mut peer) = connect(version, |it| it.on_url_elicitation(agree.clone())).await;
        let (_, result) = tokio::join!(refuse(&mut peer, json!([page("a")])), client.call_tool("t", ()));
        assert_eq!(result.unwrap_err().rpc().unwrap().code, -32042);
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nothing_is_asked_when_one_of_the_pages_must_not_be_asked_for() {
    let (asked, agree) = answering(ElicitAction::Accept);
    let limits = Limits::with(|it| it.inputs = 2);
    let (client, mut peer) = connect(VERSION, |it| it.on_url_elicitation(agree).limits(limits)).await;
    let mut script = page("b");
    script["url"] = "javascript:alert(1)".into();
    let form =
        json!({"mode": "form", "elicitationId": "b", "message": "m", "requestedSchema": {"type": "object"}});
    for (pages, kind) in [
        (json!([page("a"), script]), ErrorKind::Protocol),
        (json!([page("a"), form]), ErrorKind::Protocol),
        (json!([page("a"), 7]), ErrorKind::Protocol),
        (json!([]), ErrorKind::Protocol),
        (json!(null), ErrorKind::Protocol),
        (json!([page("a"), page("b"), page("c")]), ErrorKind::Overloaded),
    ] {
        let (_, result) = tokio::join!(refuse(&mut peer, pages.clone()), client.call_tool("t", ()));
        assert_eq!(result.unwrap_err().kind(), kind, "{pages}");
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_always_has_another_page_is_given_up() {
    let (asked, agree) = answering(ElicitAction::Accept);
    let limits = Limits::with(|it| it.input_rounds = 3);
    let (client, mut peer) = connect(VERSION, |it| it.on_url_elicitation(agree).limits(limits)).await;
    let server = async {
        for id in ["a", "b", "c", "d"] {
            refuse(&mut peer, json!([page(id)])).await;
            complete(&mut peer, id).await;
        }
    };
    let (_, result) = tokio::join!(server, client.call_tool("t", ()));
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Overloaded);
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_started_call_goes_on_too() {
    let (_, agree) = answering(ElicitAction::Accept);
    let (client, mut peer) = connect(VERSION, |it| it.on_url_elicitation(agree)).await;
    let (done, outcome) = tokio::sync::oneshot::channel();
    let params = RawJson::of(&json!({"name": "t"})).unwrap();
    client.start(Call::new(Method::CallTool, params), move |result| done.send(result.is_ok()).unwrap());
    refuse(&mut peer, json!([page("a")])).await;
    complete(&mut peer, "a").await;
    accept(&mut peer).await;
    assert!(outcome.await.unwrap());
}

/// Calls a tool that needs a page, the same in every revision, and gives what it said.
async fn visit(over_http: bool, version: ProtocolVersion) -> String {
    let kept = Arc::<Mutex<Option<Context>>>::default();
    let is_connected = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (keep, connected) = (kept.clone(), is_connected.clone());
    let server =
        Server::new("s", "1").tool("files", "Needs an account.", move |_: Arguments, context: Context| {
            *keep.lock().unwrap() = Some(context.clone());
            let connected = connected.clone();
            async move {
                if !connected.load(std::sync::atomic::Ordering::SeqCst) {
                    let page = Elicit::url("Connect.", "https://example.com/connect");
                    context.require_visit(page.elicitation_id("e")).await?;
                }
                Ok::<_, ToolError>("your files")
            }
        });
    // What the user does on the page.
    let handler = move |page: ElicitUrlParams| {
        is_connected.store(true, std::sync::atomic::Ordering::SeqCst);
        let context = kept.lock().unwrap().clone().unwrap();
        assert_eq!(context.elicitation_complete("e"), page.elicitation_id.is_some());
        std::future::ready(ElicitResult::of(ElicitAction::Accept))
    };
    let listening = server.clone().listen(0).await.unwrap();
    let connect = match over_http {
        true => Client::connect(listening.url()),
        false => Client::connect(server),
    };
    let client = connect.only(version).on_url_elicitation(handler).await.unwrap();
    let said = client.call_tool("files", ()).await.unwrap().joined_text();
    listening.close().await;
    said
}

#[tokio::test]
async fn the_same_server_and_handler_do_in_both_eras() {
    for over_http in [false, true] {
        for version in [VERSION, ProtocolVersion::V2026_07_28] {
            assert_eq!(visit(over_http, version).await, "your files", "{version} {over_http}");
        }
    }
}
