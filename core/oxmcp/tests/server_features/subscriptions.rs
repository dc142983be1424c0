use oxmcp::server::{List, resource};
use oxmcp::{Limits, Server};
use serde_json::{Value, json};

use super::wire::Wire;

const ID: &str = "io.modelcontextprotocol/subscriptionId";

fn server() -> Server {
    Server::new("test", "1")
        .subscribable()
        .tool("one", "One.", || async { "1" })
        .resource("a:1", "1", || async { "1" })
        .resource("a:2", "2", "2")
        .prompt("plain", "Plain.", || async { "" })
}

/// A subscription: its id, and what of the filter is honoured.
async fn listen(wire: &mut Wire, filter: Value) -> (u64, Value) {
    let id = wire.start("subscriptions/listen", json!({"notifications": filter})).await;
    let acknowledged = wire.receive().await;
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(acknowledged["params"]["_meta"], json!({ID: id}));
    (id, acknowledged["params"]["notifications"].clone())
}

fn told(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": format!("notifications/{method}"), "params": params})
}

#[tokio::test]
async fn a_session_is_told_of_every_list_that_changes() {
    let server = server();
    let mut wire = Wire::session(&server, "2025-06-18").await;
    let capabilities = &wire.initialized["capabilities"];
    let changes = json!({"listChanged": true});
    assert_eq!((&capabilities["tools"], &capabilities["prompts"]), (&changes, &changes));
    assert_eq!(capabilities["resources"], json!({"subscribe": true, "listChanged": true}));
    // From here on each is told by itself, because the one before was received.
    let server = server.tool("two", "Two.", || async { "2" });
    assert_eq!(wire.receive().await, told("tools/list_changed", json!({})));
    for change in [Server::disable_tool, Server::enable_tool, Server::remove_tool] {
        assert!(change(&server, "two"));
        assert_eq!(wire.receive().await, told("tools/list_changed", json!({})));
    }
    assert!(server.disable_prompt("plain"));
    assert_eq!(wire.receive().await, told("prompts/list_changed", json!({})));
    // What is hidden already goes without a word.
    assert!(server.remove_prompt("plain"));
    let server = server.resource_template("b:{c}", "b", || async { "" });
    assert_eq!(wire.receive().await, told("resources/list_changed", json!({})));
    assert!(server.remove_resource("a:1"));
    assert_eq!(wire.receive().await, told("resources/list_changed", json!({})));
}

#[tokio::test]
async fn a_session_hears_of_the_resources_it_subscribed_to() {
    let server = server();
    let mut wire = Wire::session(&server, "2025-11-25").await;
    for uri in ["a:1", "a:2", "a:3"] {
        let (_, answer) = wire.ask("resources/subscribe", json!({"uri": uri})).await;
        assert_eq!(answer["result"], json!({}));
    }
    let (_, answer) = wire.ask("resources/unsubscribe", json!({"uri": "a:3"})).await;
    assert_eq!(answer["result"], json!({}));
    for uri in ["a:3", "a:4", "a:1"] {
        server.resource_updated(uri);
    }
    assert_eq!(wire.receive().await, told("resources/updated", json!({"uri": "a:1"})));
    // A resource that is replaced has changed, and the list perhaps too.
    server.add(resource("a:2", "2", "new")).unwrap();
    assert_eq!(wire.receive().await, told("resources/list_changed", json!({})));
    assert_eq!(wire.receive().await, told("resources/updated", json!({"uri": "a:2"})));
    let (_, answer) = wire.ask("resources/subscribe", json!({})).await;
    assert_eq!(answer["error"]["code"], -32602);
}

#[tokio::test]
async fn a_session_is_told_of_nothing_before_it_begins_or_that_it_does_not_know() {
    let server = Server::new("test", "1").tool("one", "One.", || async { "1" });
    let mut wire = Wire::opening(&server, "2025-11-25").await;
    assert!(wire.initialized["capabilities"].get("prompts").is_none());
    server.disable_tool("one");
    let server = server.prompt("plain", "Plain.", || async { "" });
    let (before, _) = wire.ask("ping", json!({})).await;
    assert!(before.is_empty(), "{before:?}");
    wire.begin().await;
    assert_eq!(wire.receive().await, told("tools/list_changed", json!({})));
    server.enable_tool("one");
    assert_eq!(wire.receive().await, told("tools/list_changed", json!({})));
    // The client may ask for what it was not told of.
    let (_, answer) = wire.ask("prompts/list", json!({})).await;
    assert_eq!(answer["result"]["prompts"][0]["name"], "plain");
}

#[tokio::test]
async fn a_subscription_is_acknowledged_told_and_ended() {
    let server = server();
    let mut wire = Wire::stateless(&server);
    let wanted =
        json!({"toolsListChanged": true, "promptsListChanged": false, "resourceSubscriptions": ["a:1"]});
    let (first, honoured) = listen(&mut wire, wanted).await;
    assert_eq!(honoured, json!({"toolsListChanged": true, "resourceSubscriptions": ["a:1"]}));
    let (second, honoured) =
        listen(&mut wire, json!({"promptsListChanged": true, "resourcesListChanged": true})).await;
    assert_eq!(honoured, json!({"promptsListChanged": true, "resourcesListChanged": true}));

    server.disable_prompt("plain");
    assert_eq!(wire.receive().await, told("prompts/list_changed", json!({"_meta": {ID: second}})));
    server.disable_resource("a:1");
    assert_eq!(wire.receive().await, told("resources/list_changed", json!({"_meta": {ID: second}})));
    server.disable_tool("one");
    assert_eq!(wire.receive().await, told("tools/list_changed", json!({"_meta": {ID: first}})));
    server.resource_updated("a:2");
    server.resource_updated("a:1");
    assert_eq!(wire.receive().await, told("resources/updated", json!({"_meta": {ID: first}, "uri": "a:1"})));

    wire.send(
        &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": first}}),
    )
    .await;
    let (before, _) = wire.ask("tools/list", json!({})).await;
    assert!(before.is_empty());
    server.enable_tool("one");
    server.enable_prompt("plain");
    assert_eq!(wire.receive().await, told("prompts/list_changed", json!({"_meta": {ID: second}})));

    // The client has nothing more to say, so the server ends what is open.
    wire.finish().await;
    let ended = wire.receive().await;
    assert_eq!((&ended["id"], &ended["result"]["resultType"]), (&json!(second), &json!("complete")));
    assert_eq!(ended["result"]["_meta"][ID], second);
    assert_eq!(wire.next().await, None);
}

#[tokio::test]
async fn nothing_is_honoured_that_the_server_does_not_declare() {
    let server = Server::new("test", "1").resource("a:1", "1", "1");
    let mut wire = Wire::stateless(&server);
    let wanted = json!({"toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true, "resourceSubscriptions": ["a:1"]});
    assert_eq!(listen(&mut wire, wanted).await.1, json!({"resourcesListChanged": true}));
    let (_, answer) = wire.ask("subscriptions/listen", json!({})).await;
    assert_eq!(answer["error"]["code"], -32602);
    let mut wire = Wire::session(&server, "2025-11-25").await;
    assert_eq!(wire.initialized["capabilities"]["resources"], json!({"listChanged": true}));
    for method in ["resources/subscribe", "subscriptions/listen"] {
        let (_, answer) = wire.ask(method, json!({"uri": "a:1", "notifications": {}})).await;
        assert_eq!(answer["error"]["code"], -32601);
    }
}

#[tokio::test]
async fn subscriptions_are_bounded() {
    let limits = Limits::with(|it| {
        it.open_subscriptions = 2;
        it.resource_subscriptions = 2;
    });
    let server = server().declare(List::Tools).limits(limits);
    let mut wire = Wire::stateless(&server);
    let (first, honoured) =
        listen(&mut wire, json!({"resourceSubscriptions": ["a:1", "a:1", "a:2", "a:3"]})).await;
    assert_eq!(honoured["resourceSubscriptions"].as_array().unwrap().last().unwrap(), "a:2");
    listen(&mut wire, json!({})).await;
    let (_, answer) = wire.ask("subscriptions/listen", json!({"notifications": {}})).await;
    assert_eq!(answer["error"]["code"], -32603);
    wire.send(
        &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": first}}),
    )
    .await;
    loop {
        let id = wire.start("subscriptions/listen", json!({"notifications": {}})).await;
        // The cancelled one may take its time to go.
        let message = wire.receive().await;
        if message["method"] == "notifications/subscriptions/acknowledged" {
            break;
        }
        assert_eq!((&message["id"], &message["error"]["code"]), (&json!(id), &json!(-32603)));
    }

    let mut wire = Wire::session(&server, "2025-11-25").await;
    for (uri, fits) in [("a:1", true), ("a:2", true), ("a:1", true), ("a:3", false)] {
        let (_, answer) = wire.ask("resources/subscribe", json!({"uri": uri})).await;
        assert_eq!(answer.get("result").is_some(), fits, "{answer}");
    }
}

#[tokio::test]
async fn who_does_not_read_holds_nobody_up_and_hears_of_the_last_change() {
    let server = server();
    let mut silent = Wire::session(&server, "2025-11-25").await;
    let mut reading = Wire::session(&server, "2025-11-25").await;
    let mut subscribed = Wire::stateless(&server);
    listen(&mut subscribed, json!({"toolsListChanged": true, "promptsListChanged": true})).await;
    // Far more than the stream, the room in the connection, or anything else takes.
    for _ in 0..5000 {
        server.disable_tool("one");
        assert_eq!(reading.receive().await["method"], "notifications/tools/list_changed");
        server.enable_tool("one");
        assert_eq!(reading.receive().await["method"], "notifications/tools/list_changed");
    }
    server.disable_prompt("plain");
    for wire in [&mut silent, &mut subscribed] {
        let mut count = 0;
        while wire.receive().await["method"] != "notifications/prompts/list_changed" {
            count += 1;
        }
        assert!(count > 0 && count < 10_000, "{count}");
    }
}
