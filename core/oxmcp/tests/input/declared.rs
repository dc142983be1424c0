//! Tools that say up front what they ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oxmcp::model::CreateMessageResult;
use oxmcp::server::{Confirmed, Elicit, Elicited, ListRoots, Sample, ask};
use oxmcp::{Context, Server, model};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::{BOTH, Over, Wire, accept, error, required, said};

#[derive(Deserialize, JsonSchema)]
struct Delete {
    path: String,
}

#[derive(Deserialize, JsonSchema)]
struct Reason {
    why: String,
}

/// A server, and how often its handler ran.
fn server() -> (Server, Arc<AtomicUsize>) {
    let ran = Arc::<AtomicUsize>::default();
    let count = ran.clone();
    let server = Server::new("test", "1")
        .tool(
            "delete",
            "Delete a file.",
            ask(|delete: &Delete| {
                let path = &delete.path;
                (Elicit::confirm(format!("Delete {path}?")), Elicit::<Reason>::form("Why?"))
            })
            .then(move |delete: Delete, (Confirmed, reason): (Confirmed, Reason), context: Context| {
                count.fetch_add(1, Ordering::SeqCst);
                async move {
                    context.progress(1.0, None, None);
                    format!("{} is gone, because {}", delete.path, reason.why)
                }
            }),
        )
        .tool(
            "greet",
            "Greet.",
            ask(|_: &oxmcp::server::Arguments| {
                (Sample::new("Greet"), ListRoots, Elicit::<Reason>::form("Who?").optional())
            })
            .then(
                |_: oxmcp::server::Arguments,
                 (greeting, roots, who): (CreateMessageResult, Vec<model::Root>, Elicited<Reason>)| async move {
                    let greeting = greeting.content[0].as_text().unwrap_or_default().to_owned();
                    format!("{greeting} {} {}", roots.len(), matches!(who, Elicited::Declined))
                },
            ),
        );
    (server, ran)
}

fn delete() -> Value {
    json!({"name": "delete", "arguments": {"path": "/a"}})
}

#[tokio::test]
async fn what_is_declared_is_asked_in_one_round_and_the_handler_runs_once() {
    for over in BOTH {
        let (server, ran) = server();
        let mut wire = Wire::stateless(&server, over, json!({"elicitation": {}})).await;
        let id = wire.request("tools/call", delete()).await;
        let asked = required(&wire.answer(id).await);
        assert_eq!(asked.requests.len(), 2);
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        let answers: serde_json::Map<String, Value> = asked
            .requests
            .iter()
            .map(|(key, request)| {
                let is_confirm = request["params"]["message"] == "Delete /a?";
                (
                    key.clone(),
                    accept(if is_confirm { json!({"confirm": true}) } else { json!({"why": "age"}) }),
                )
            })
            .collect();
        let mut params = delete();
        params["inputResponses"] = Value::Object(answers);
        params["requestState"] = asked.state.into();
        let id = wire.request("tools/call", params).await;
        assert_eq!(said(&wire.answer(id).await), ("/a is gone, because age".to_owned(), false));
        assert_eq!(ran.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_session_asks_one_after_the_other_and_no_more_after_a_no() {
    let (server, ran) = server();
    for over in BOTH {
        let mut wire = Wire::session(&server, over, "2025-11-25", json!({"elicitation": {}})).await;
        let id = wire.send("tools/call", delete()).await;
        let question = wire.asked("elicitation/create").await;
        assert_eq!(question["params"]["message"], "Delete /a?");
        wire.respond(&question, json!({"action": "decline"})).await;
        let (text, failed) = said(&wire.answer(id).await);
        assert!(failed && text.contains("declined"), "{text}");
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }
    let mut wire = Wire::session(&server, Over::Memory, "2025-11-25", json!({"elicitation": {}})).await;
    let id = wire.send("tools/call", delete()).await;
    for answer in [json!({"confirm": true}), json!({"why": "age"})] {
        let question = wire.asked("elicitation/create").await;
        wire.respond(&question, accept(answer)).await;
    }
    assert_eq!(said(&wire.answer(id).await).0, "/a is gone, because age");
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn every_kind_of_question_may_be_declared_and_a_no_may_be_an_answer() {
    let (server, _) = server();
    let capabilities = json!({"elicitation": {}, "sampling": {}, "roots": {}});
    let mut wire = Wire::stateless(&server, Over::Memory, capabilities).await;
    let id = wire.request("tools/call", json!({"name": "greet"})).await;
    let asked = required(&wire.answer(id).await);
    let answer = |method: &str| match method {
        "sampling/createMessage" => {
            json!({"role": "assistant", "content": {"type": "text", "text": "Hello"}, "model": "m"})
        }
        "roots/list" => json!({"roots": [{"uri": "file:///a"}, {"uri": "file:///b"}]}),
        _ => json!({"action": "decline"}),
    };
    let answers = asked
        .requests
        .iter()
        .map(|(key, request)| (key.clone(), answer(request["method"].as_str().unwrap())));
    let answers: serde_json::Map<String, Value> = answers.collect();
    let more = json!({"name": "greet", "inputResponses": answers, "requestState": asked.state});
    let id = wire.request("tools/call", more).await;
    assert_eq!(said(&wire.answer(id).await).0, "Hello 2 true");
}

#[tokio::test]
async fn one_question_that_cannot_be_asked_is_enough_for_none_to_be_asked() {
    let (server, _) = server();
    let mut wire = Wire::stateless(&server, Over::Memory, json!({"elicitation": {}, "sampling": {}})).await;
    let id = wire.request("tools/call", json!({"name": "greet"})).await;
    let refused = wire.answer(id).await;
    assert_eq!(error(&refused).0, -32021);
    assert_eq!(refused["error"]["data"]["requiredCapabilities"], json!({"roots": {}}));
}
