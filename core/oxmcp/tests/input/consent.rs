//! A tool that deletes after a yes never does without one, whatever the client does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oxmcp::server::{Arguments, Elicit, StateKey, ToolError};
use oxmcp::{Context, Limits, Server};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::wire::{BOTH, Over, Wire, accept, error, required, said};

#[derive(Deserialize, JsonSchema)]
struct Delete {
    path: String,
}

#[derive(Deserialize, JsonSchema)]
struct Sure {
    /// Type the path again
    path: String,
    sure: bool,
}

/// A server with a tool that asks before it deletes, and one that looks at the answer by itself.
struct Shredder {
    server: Server,
    deleted: Arc<AtomicUsize>,
}

impl Shredder {
    fn new() -> Self {
        let deleted = Arc::<AtomicUsize>::default();
        let (confirmed, typed) = (deleted.clone(), deleted.clone());
        let server = Server::new("shredder", "1")
            .tool("confirm", "Deletes after a yes.", move |Delete { path }: Delete, context: Context| {
                let deleted = confirmed.clone();
                async move {
                    context.confirm(format!("Delete {path}?")).await?;
                    deleted.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, ToolError>("deleted")
                }
            })
            .tool("form", "Deletes after a form.", move |Delete { path }: Delete, context: Context| {
                let deleted = typed.clone();
                async move {
                    let question = Elicit::<Sure>::form(format!("Delete {path}?")).key("sure");
                    let answer = context.elicit(question).await?.accepted()?;
                    if !answer.sure || answer.path != path {
                        return Err(ToolError::failed("not sure"));
                    }
                    deleted.fetch_add(1, Ordering::SeqCst);
                    Ok("deleted")
                }
            });
        Self { server, deleted }
    }

    fn deleted(&self) -> usize {
        self.deleted.load(Ordering::SeqCst)
    }
}

fn call(tool: &str) -> Value {
    json!({"name": tool, "arguments": {"path": "/a"}})
}

fn retry(tool: &str, responses: Value, state: &str) -> Value {
    json!({"name": tool, "arguments": {"path": "/a"}, "inputResponses": responses, "requestState": state})
}

/// The answers that are a yes, and those that are none.
fn yes(tool: &str) -> Value {
    match tool {
        "confirm" => accept(json!({"confirm": true})),
        _ => accept(json!({"path": "/a", "sure": true})),
    }
}

/// What a client may answer that is no yes, and whether it is a fault of the client.
fn no() -> Vec<(Value, bool)> {
    vec![
        (json!({"action": "decline"}), false),
        (json!({"action": "decline", "content": {"confirm": true, "path": "/a", "sure": true}}), false),
        (json!({"action": "cancel"}), false),
        (accept(json!({"confirm": false, "path": "/a", "sure": false})), false),
        (json!({"action": "accept"}), true),
        (json!({"action": "accept", "content": null}), true),
        (json!({"action": "accept", "content": []}), true),
        (accept(json!({})), true),
        (accept(json!({"confirm": "true", "path": "/a", "sure": "true"})), true),
        (accept(json!({"confirm": 1, "path": "/a", "sure": 1})), true),
        (accept(json!({"Confirm": true, "PATH": "/a", "SURE": true})), true),
        (json!({"action": "ACCEPT", "content": {"confirm": true, "path": "/a", "sure": true}}), true),
        (json!({"action": true, "content": {"confirm": true, "path": "/a", "sure": true}}), true),
        (json!({"content": {"confirm": true, "path": "/a", "sure": true}}), true),
        (json!({}), true),
        (json!(true), true),
        (json!(null), true),
    ]
}

const TOOLS: [&str; 2] = ["confirm", "form"];

#[tokio::test]
async fn a_yes_deletes_once_in_either_era() {
    for over in BOTH {
        for tool in TOOLS {
            let shredder = Shredder::new();
            let mut wire =
                Wire::session(&shredder.server, over, "2025-11-25", json!({"elicitation": {}})).await;
            let id = wire.send("tools/call", call(tool)).await;
            let question = wire.asked("elicitation/create").await;
            wire.respond(&question, yes(tool)).await;
            assert_eq!(said(&wire.answer(id).await), ("deleted".to_owned(), false));
            assert_eq!(shredder.deleted(), 1);

            let mut wire = Wire::stateless(&shredder.server, over, json!({"elicitation": {}})).await;
            let id = wire.request("tools/call", call(tool)).await;
            let asked = required(&wire.answer(id).await);
            assert_eq!(shredder.deleted(), 1);
            let id = wire
                .request("tools/call", retry(tool, json!({asked.only().0: yes(tool)}), &asked.state))
                .await;
            assert_eq!(said(&wire.answer(id).await), ("deleted".to_owned(), false));
            assert_eq!(shredder.deleted(), 2);
        }
    }
}

#[tokio::test]
async fn nothing_but_a_yes_deletes_in_a_session() {
    let shredder = Shredder::new();
    for over in BOTH {
        let mut wire = Wire::session(&shredder.server, over, "2025-11-25", json!({"elicitation": {}})).await;
        for tool in TOOLS {
            // HTTP refuses to take a message whose `result` is `null`.
            let is_taken = |answer: &Value| over == Over::Memory || !answer.is_null();
            for (answer, is_fault) in no().into_iter().filter(|(answer, _)| is_taken(answer)) {
                let id = wire.send("tools/call", call(tool)).await;
                let question = wire.asked("elicitation/create").await;
                wire.respond(&question, answer.clone()).await;
                let (text, failed) = said(&wire.answer(id).await);
                assert!(failed, "{answer}: {text}");
                let says_fault =
                    text.contains("the client's answer is invalid") || text.contains("asked in vain");
                assert_eq!(says_fault, is_fault, "{answer}: {text}");
            }
            let id = wire.send("tools/call", call(tool)).await;
            let question = wire.asked("elicitation/create").await;
            let refusal = json!({"code": -32601, "message": "no such method"});
            wire.write(json!({"jsonrpc": "2.0", "id": question["id"], "error": refusal})).await;
            let (text, failed) = said(&wire.answer(id).await);
            assert!(failed && text.contains("no such method"), "{text}");
        }
    }
    assert_eq!(shredder.deleted(), 0);
}

#[tokio::test]
async fn nothing_but_a_yes_deletes_in_the_stateless_era() {
    let shredder = Shredder::new();
    for over in BOTH {
        let mut wire = Wire::stateless(&shredder.server, over, json!({"elicitation": {}})).await;
        for tool in TOOLS {
            for (answer, is_fault) in no() {
                let id = wire.request("tools/call", call(tool)).await;
                let asked = required(&wire.answer(id).await);
                let answered = json!({asked.only().0: answer});
                let id = wire.request("tools/call", retry(tool, answered, &asked.state)).await;
                let outcome = wire.answer(id).await;
                if is_fault {
                    let (code, message) = error(&outcome);
                    assert!(
                        code == -32602 && message.contains("the client's answer is invalid"),
                        "{outcome}"
                    );
                } else {
                    assert!(said(&outcome).1, "{answer}: {outcome}");
                }
            }
        }
    }
    assert_eq!(shredder.deleted(), 0);
}

#[tokio::test]
async fn a_client_that_cannot_be_asked_gets_nothing_deleted() {
    let shredder = Shredder::new();
    let without = [
        json!({}),
        json!({"elicitation": {"url": {}}}),
        json!({"elicitation": null}),
        json!({"sampling": {}}),
    ];
    for over in BOTH {
        for capabilities in &without {
            let mut wire = Wire::stateless(&shredder.server, over, capabilities.clone()).await;
            let id = wire.request("tools/call", call("confirm")).await;
            let outcome = wire.answer(id).await;
            assert_eq!(error(&outcome).0, -32021, "{outcome}");
            assert_eq!(
                outcome["error"]["data"],
                json!({"requiredCapabilities": {"elicitation": {"form": {}}}})
            );
            if over == Over::Http {
                assert_eq!(wire.status(), Some(400));
            }
            let mut wire = Wire::session(&shredder.server, over, "2025-11-25", capabilities.clone()).await;
            let id = wire.send("tools/call", call("confirm")).await;
            let (text, failed) = said(&wire.answer(id).await);
            assert!(failed && text.contains("did not declare"), "{text}");
        }
        // Declared or not, these revisions have no such request.
        for version in ["2024-11-05", "2025-03-26"] {
            let mut wire = Wire::session(&shredder.server, over, version, json!({"elicitation": {}})).await;
            let id = wire.send("tools/call", call("confirm")).await;
            let (text, failed) = said(&wire.answer(id).await);
            assert!(failed && text.contains("does not have"), "{text}");
        }
    }
    assert_eq!(shredder.deleted(), 0);
}

#[tokio::test]
async fn a_client_that_does_not_answer_gets_nothing_deleted() {
    let Shredder { server, deleted } = Shredder::new();
    let server = server.limits(Limits::with(|it| it.input_wait = Duration::from_millis(20)));
    for over in BOTH {
        let mut wire = Wire::session(&server, over, "2025-11-25", json!({"elicitation": {}})).await;
        let id = wire.send("tools/call", call("confirm")).await;
        let question = wire.asked("elicitation/create").await;
        // Over a stream and in HTTP's event stream alike, the client hears that nobody waits any more.
        let mut answer = wire.next().await;
        let mut cancelled = false;
        while answer["method"] == "notifications/cancelled" {
            assert_eq!(answer["params"]["requestId"], question["id"]);
            cancelled = true;
            answer = wire.next().await;
        }
        assert_eq!(answer["id"], id);
        let (text, failed) = said(&answer);
        assert!(failed && text.contains("asked in vain"), "{text}");
        assert!(cancelled, "{over:?}: the client was not told");
        // A yes that comes too late is nobody's; what is asked after it is answered after it.
        wire.respond(&question, yes("confirm")).await;
        let ping = wire.send("ping", json!({})).await;
        assert_eq!(wire.answer(ping).await["result"], json!({}));
    }
    assert_eq!(deleted.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_yes_is_good_for_nothing_but_its_own_question() {
    let shredder = Shredder::new();
    for over in BOTH {
        let mut wire = Wire::stateless(&shredder.server, over, json!({"elicitation": {}})).await;
        for tool in TOOLS {
            let id = wire.request("tools/call", call(tool)).await;
            let asked = required(&wire.answer(id).await);
            let key = asked.only().0;
            // Under another key, or without having been asked, an answer is not looked at, and the question comes again.
            for params in [
                retry(tool, json!({"another": yes(tool)}), &asked.state),
                retry(tool, json!({}), &asked.state),
                json!({"name": tool, "arguments": {"path": "/a"}, "requestState": asked.state}),
                json!({"name": tool, "arguments": {"path": "/a"}, "inputResponses": {key: yes(tool)}}),
                json!({"name": tool, "arguments": {"path": "/a"}, "inputResponses": null, "requestState": null}),
            ] {
                let id = wire.request("tools/call", params).await;
                assert_eq!(required(&wire.answer(id).await).only().1, asked.only().1);
            }
            // With a state that is not the one for this request, nothing is looked at.
            let other = if tool == "confirm" { "form" } else { "confirm" };
            let mut forged = asked.state.clone().into_bytes();
            forged[30] = if forged[30] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            for params in [
                retry(tool, json!({key: yes(tool)}), &forged),
                retry(tool, json!({key: yes(tool)}), &format!("{}-TAMPERED", asked.state)),
                retry(tool, json!({key: yes(tool)}), ""),
                retry(other, json!({key: yes(tool)}), &asked.state),
                json!({"name": tool, "arguments": {"path": "/b"}, "inputResponses": {key: yes(tool)}, "requestState": asked.state}),
                json!({"name": tool, "arguments": {"path": "/a"}, "inputResponses": {key: yes(tool)}, "requestState": 7}),
                json!({"name": tool, "arguments": {"path": "/a"}, "inputResponses": [yes(tool)], "requestState": asked.state}),
            ] {
                let id = wire.request("tools/call", params).await;
                let outcome = wire.answer(id).await;
                assert_eq!(error(&outcome).0, -32602, "{outcome}");
            }
        }
    }
    assert_eq!(shredder.deleted(), 0);
}

#[tokio::test]
async fn arguments_that_can_be_read_in_two_ways_are_not_agreed_to() {
    async fn delete(_: Arguments, context: Context) -> Result<&'static str, ToolError> {
        context.confirm("Delete it?").await?;
        Ok("deleted")
    }
    let server = Server::new("s", "1").tool("delete", "Delete.", delete);
    let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(theirs);
    let serving = tokio::spawn(async move { server.serve(reader, writer).await });
    let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}"#;
    let arguments = r#"{"path":"/b","path":"/a"}"#;
    let params = format!(r#"{{"name":"delete","arguments":{arguments},"_meta":{meta}}}"#);
    let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{params}}}\n");
    ours.write_all(line.as_bytes()).await.unwrap();
    let mut answer = String::new();
    BufReader::new(&mut ours).read_line(&mut answer).await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(error(&answer).0, -32602, "{answer}");
    drop(ours);
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_state_is_good_for_every_server_with_its_key_and_for_no_other() {
    let key = |byte: u8| StateKey::from_secret(&[byte; 32]).unwrap();
    let first = Shredder::new();
    let replica = Shredder::new();
    let stranger = Shredder::new();
    let asking = first.server.clone().state_keys([key(1)]);
    let mut wire = Wire::stateless(&asking, Over::Memory, json!({"elicitation": {}})).await;
    let id = wire.request("tools/call", call("confirm")).await;
    let asked = required(&wire.answer(id).await);
    let answered = retry("confirm", json!({asked.only().0: yes("confirm")}), &asked.state);

    let rotated = replica.server.clone().state_keys([key(2), key(1)]);
    let mut wire = Wire::stateless(&rotated, Over::Memory, json!({"elicitation": {}})).await;
    let id = wire.request("tools/call", answered.clone()).await;
    assert_eq!(said(&wire.answer(id).await), ("deleted".to_owned(), false));
    for server in [stranger.server.clone(), stranger.server.clone().state_keys([key(2)])] {
        let mut wire = Wire::stateless(&server, Over::Memory, json!({"elicitation": {}})).await;
        let id = wire.request("tools/call", answered.clone()).await;
        let outcome = wire.answer(id).await;
        assert_eq!(error(&outcome).0, -32602, "{outcome}");
    }
    assert_eq!([first.deleted(), replica.deleted(), stranger.deleted()], [0, 1, 0]);
}
