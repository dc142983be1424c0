use std::net::SocketAddr;
use std::time::Duration;

use oxmcp::server::{Arguments, ToolError};
use oxmcp::transport::{HttpOptions, HttpServer};
use oxmcp::{Context, Limits, Server};
use serde_json::{Value, json};

use crate::handshake::{call, cancelled, delete, get, post, request};
use crate::wire::{Open, Raw, Response};

/// A server whose tool asks the client for its roots.
async fn listen(limits: Limits) -> HttpServer {
    let server = Server::new("asking", "1.0.0").limits(limits).tool(
        "roots",
        "Asks for the roots.",
        |_: Arguments, context: Context| async move {
            let roots = context.list_roots().await?;
            Ok::<_, ToolError>(roots.iter().map(|root| root.uri.as_str()).collect::<Vec<_>>().join(" "))
        },
    );
    server.listen(HttpOptions::default()).await.unwrap()
}

/// Opens a session of a client that has roots.
async fn open(address: SocketAddr) -> String {
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {"roots": {}},
        "clientInfo": {"name": "wire", "version": "0"}});
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    let answer = Raw::post(initialize.to_string()).send(address).await;
    answer.header("mcp-session-id").expect("a session").to_owned()
}

/// The question on a stream.
async fn asked(stream: &mut Open) -> Value {
    stream.read_until("roots/list\",\"params\":{}}\n\n").await;
    let events = stream.response.events();
    events.into_iter().find(|message| message["method"] == "roots/list").unwrap()
}

async fn answer(address: SocketAddr, session: &str, question: &Value) -> Response {
    let roots = json!({"roots": [{"uri": "file:///a"}, {"uri": "file:///b"}]});
    let response = json!({"jsonrpc": "2.0", "id": question["id"], "result": roots});
    post(session, &response).send(address).await
}

#[tokio::test]
async fn a_question_and_its_answer_cross_in_one_session() {
    let server = listen(Limits::default()).await;
    let address = server.local_addr();
    let (mine, theirs) = (open(address).await, open(address).await);
    let mut calling = call(&mine, 1, "roots").open(address).await;
    let question = asked(&mut calling).await;
    // An answer in another session, even under the same id, answers nothing here.
    assert_eq!(answer(address, &theirs, &question).await.status, 202);
    let answered = answer(address, &mine, &question).await;
    assert_eq!((answered.status, answered.body.len()), (202, 0));
    calling.read_to_end().await;
    let result = calling.response.events().pop().unwrap();
    assert_eq!(result["result"]["content"][0]["text"], "file:///a file:///b");
}

#[tokio::test]
async fn a_question_is_asked_where_the_client_listens_if_its_response_is_json() {
    let server = listen(Limits::default()).await;
    let address = server.local_addr();
    let session = open(address).await;
    let json_only = call(&session, 1, "roots").header("Accept", "application/json");
    let nowhere = json_only.send(address).await;
    assert_eq!(nowhere.json()["result"]["isError"], true, "{nowhere:?}");
    let mut listening = get(&session).open(address).await;
    listening.read_until("retry").await;
    let mut calling = json_only.start(address).await;
    let question = asked(&mut listening).await;
    answer(address, &session, &question).await;
    calling.read_head().await;
    calling.read_to_end().await;
    assert_eq!(calling.response.json()["result"]["content"][0]["text"], "file:///a file:///b");
}

#[tokio::test]
async fn a_question_survives_the_connection_it_was_asked_on() {
    let server = listen(Limits::default()).await;
    let address = server.local_addr();
    let session = open(address).await;
    let mut lost = call(&session, 1, "roots").open(address).await;
    asked(&mut lost).await;
    let first = lost.response.event_ids()[0].to_owned();
    drop(lost);
    let mut resumed = get(&session).header("Last-Event-ID", &first).open(address).await;
    let question = asked(&mut resumed).await;
    answer(address, &session, &question).await;
    resumed.read_to_end().await;
    let result = resumed.response.events().pop().unwrap();
    assert_eq!(result["result"]["content"][0]["text"], "file:///a file:///b");
}

#[tokio::test]
async fn the_end_of_a_request_or_session_ends_its_questions() {
    let server = listen(Limits::default()).await;
    let address = server.local_addr();
    let session = open(address).await;
    let mut listening = get(&session).open(address).await;
    let mut calling = call(&session, 1, "roots").open(address).await;
    let question = asked(&mut calling).await;
    assert_eq!(cancelled(&session, 1).send(address).await.status, 202);
    calling.read_to_end().await;
    // The client hears, wherever it still can, that nobody waits for its answer.
    let told = format!("\"requestId\":{}", question["id"]);
    if !String::from_utf8_lossy(&calling.response.body).contains(&told) {
        listening.read_until(&told).await;
    }
    let mut calling = call(&session, 2, "roots").open(address).await;
    asked(&mut calling).await;
    assert_eq!(delete(&session).send(address).await.status, 204);
    calling.read_to_end().await;
    assert_eq!(request(&session, 3, "ping", json!({})).send(address).await.status, 404);
}

#[tokio::test]
async fn an_answer_that_is_no_message_ends_the_question() {
    let server = listen(Limits::default()).await;
    let address = server.local_addr();
    let session = open(address).await;
    let mut calling = call(&session, 1, "roots").open(address).await;
    let question = asked(&mut calling).await;
    let both =
        json!({"jsonrpc": "2.0", "id": question["id"], "result": {}, "error": {"code": 1, "message": "x"}});
    assert_eq!(post(&session, &both).send(address).await.refusal(), (400, -32600));
    calling.read_to_end().await;
    assert_eq!(calling.response.events().pop().unwrap()["result"]["isError"], true);
}

#[tokio::test]
async fn a_question_without_an_answer_ends_in_time() {
    let limits = Limits::with(|it| it.input_wait = Duration::from_millis(50));
    let server = listen(limits).await;
    let address = server.local_addr();
    let session = open(address).await;
    let events = call(&session, 1, "roots").send(address).await.events();
    assert_eq!(events[1]["method"], "notifications/cancelled");
    assert_eq!(events[1]["params"]["requestId"], events[0]["id"]);
    assert_eq!(events[2]["result"]["isError"], true);
}
