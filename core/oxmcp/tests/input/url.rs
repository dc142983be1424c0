//! Pages to visit.

use std::sync::{Arc, Mutex};

use oxmcp::server::{Arguments, Elicit, ToolError, Visiting};
use oxmcp::{Context, Server};
use serde_json::json;

use crate::wire::{BOTH, Over, Wire, error, required, said};

/// A server that asks to visit a page, and the context of its last call.
fn server() -> (Server, Arc<Mutex<Option<Context>>>) {
    let kept = Arc::<Mutex<Option<Context>>>::default();
    let keep = kept.clone();
    let page = || Elicit::url("Connect your account.", "https://example.com/connect?for=7");
    let server = Server::new("test", "1")
        .tool("visit", "Asks.", move |_: Arguments, context: Context| {
            *keep.lock().unwrap() = Some(context.clone());
            async move {
                let Visiting = context.elicit(page().elicitation_id("e-7")).await?.accepted()?;
                Ok::<_, ToolError>("on the way")
            }
        })
        .tool("require", "Requires.", move |_: Arguments, context: Context| async move {
            context.require_visit(page()).await?;
            Ok::<_, ToolError>("been there")
        })
        .tool("wrong", "Has no URL.", |_: Arguments, context: Context| async move {
            context.elicit(Elicit::url("Where?", "nowhere")).await?.accepted()?;
            Ok::<_, ToolError>(())
        });
    (server, kept)
}

#[tokio::test]
async fn a_page_has_an_id_only_in_the_revision_that_has_them() {
    let (server, _) = server();
    for over in BOTH {
        let mut wire = Wire::session(&server, over, "2025-11-25", json!({"elicitation": {"url": {}}})).await;
        let id = wire.send("tools/call", json!({"name": "visit"})).await;
        let question = wire.asked("elicitation/create").await;
        assert_eq!(
            question["params"],
            json!({
                "mode": "url",
                "message": "Connect your account.",
                "url": "https://example.com/connect?for=7",
                "elicitationId": "e-7",
            })
        );
        wire.respond(&question, json!({"action": "accept"})).await;
        assert_eq!(said(&wire.answer(id).await), ("on the way".to_owned(), false));

        let mut wire = Wire::stateless(&server, over, json!({"elicitation": {"url": {}}})).await;
        let asked = required(&wire.call("visit", json!({})).await);
        assert_eq!(
            asked.only().1["params"],
            json!({"mode": "url", "message": "Connect your account.", "url": "https://example.com/connect?for=7"})
        );
        let answer = wire.call("visit", asked.answered(json!({"action": "accept"}))).await;
        assert_eq!(said(&answer), ("on the way".to_owned(), false));
    }
}

#[tokio::test]
async fn a_page_is_not_asked_for_where_there_are_forms_only() {
    let (server, _) = server();
    let mut wire = Wire::stateless(&server, Over::Memory, json!({"elicitation": {}})).await;
    let refused = wire.call("visit", json!({})).await;
    assert_eq!(error(&refused).0, -32021);
    assert_eq!(refused["error"]["data"]["requiredCapabilities"], json!({"elicitation": {"url": {}}}));
    let mut wire =
        Wire::session(&server, Over::Memory, "2025-06-18", json!({"elicitation": {"url": {}}})).await;
    let id = wire.send("tools/call", json!({"name": "visit"})).await;
    let (text, failed) = said(&wire.answer(id).await);
    assert!(failed && text.contains("2025-06-18"), "{text}");
}

#[tokio::test]
async fn the_client_hears_that_a_page_is_done_with_also_after_the_answer() {
    let (server, kept) = server();
    let context = || kept.lock().unwrap().clone().unwrap();
    let completed = json!({"elicitationId": "e-7"});

    let mut wire =
        Wire::session(&server, Over::Memory, "2025-11-25", json!({"elicitation": {"url": {}}})).await;
    let id = wire.send("tools/call", json!({"name": "visit"})).await;
    let question = wire.asked("elicitation/create").await;
    assert!(context().elicitation_complete("e-7"));
    assert_eq!(wire.asked("notifications/elicitation/complete").await["params"], completed);
    wire.respond(&question, json!({"action": "accept"})).await;
    wire.answer(id).await;
    assert!(context().elicitation_complete("e-7"));
    assert_eq!(wire.asked("notifications/elicitation/complete").await["params"], completed);

    let mut wire =
        Wire::session(&server, Over::Http, "2025-11-25", json!({"elicitation": {"url": {}}})).await;
    let id = wire.send("tools/call", json!({"name": "visit"})).await;
    let question = wire.asked("elicitation/create").await;
    assert!(context().elicitation_complete("e-7"));
    assert_eq!(wire.asked("notifications/elicitation/complete").await["params"], completed);
    wire.respond(&question, json!({"action": "accept"})).await;
    wire.answer(id).await;

    let mut wire = Wire::stateless(&server, Over::Memory, json!({"elicitation": {"url": {}}})).await;
    required(&wire.call("visit", json!({})).await);
    assert!(!context().elicitation_complete("e-7"), "the revision has no such notification");
}

#[tokio::test]
async fn a_page_that_must_be_visited_first_ends_the_request_or_is_asked_for() {
    let (server, _) = server();
    let mut wire =
        Wire::session(&server, Over::Memory, "2025-11-25", json!({"elicitation": {"url": {}}})).await;
    let id = wire.send("tools/call", json!({"name": "require"})).await;
    let refused = wire.answer(id).await;
    assert_eq!(error(&refused), (-32042, "Connect your account.".to_owned()));
    let pages = refused["error"]["data"]["elicitations"].as_array().unwrap();
    assert_eq!(pages.len(), 1);
    assert_eq!(pages[0]["mode"], "url");
    assert_eq!(pages[0]["url"], "https://example.com/connect?for=7");
    assert!(!pages[0]["elicitationId"].as_str().unwrap().is_empty());

    let mut wire = Wire::stateless(&server, Over::Memory, json!({"elicitation": {"url": {}}})).await;
    let asked = required(&wire.call("require", json!({})).await);
    let answer = wire.call("require", asked.answered(json!({"action": "accept"}))).await;
    assert_eq!(said(&answer), ("been there".to_owned(), false));
}

#[tokio::test]
async fn a_url_that_is_none_is_a_fault_of_the_server() {
    let (server, _) = server();
    let mut wire = Wire::stateless(&server, Over::Memory, json!({"elicitation": {"url": {}}})).await;
    let (code, message) = error(&wire.call("wrong", json!({})).await);
    assert!(code == -32603 && message.contains("nowhere"), "{message}");
}
