//! The handshake era: what the handler asks is a request to the client, and the handler waits.

use oxmcp::server::ToolError;
use oxmcp::{Context, Server};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::wire::{BOTH, Wire, accept, said};

#[derive(Deserialize, JsonSchema)]
struct Name {
    name: String,
}

#[tokio::test]
async fn a_question_is_a_request_to_the_client_and_the_handler_waits() {
    let server = Server::new("test", "1").tool(
        "ask",
        "Asks.",
        |_: oxmcp::server::Arguments, context: Context| async move {
            let made = context.step("make", async || "a thing".to_owned()).await?;
            let Name { name } = context.elicit("What is your name?").await?.accepted()?;
            Ok::<_, ToolError>(format!("{made} for {name}"))
        },
    );
    for (version, over) in
        [("2025-06-18", BOTH[0]), ("2025-11-25", BOTH[0]), ("2025-06-18", BOTH[1]), ("2025-11-25", BOTH[1])]
    {
        let mut wire = Wire::session(&server, over, version, json!({"elicitation": {}})).await;
        let call = wire.send("tools/call", json!({"name": "ask", "arguments": {}})).await;
        let question = wire.asked("elicitation/create").await;
        assert_eq!(question["params"]["message"], "What is your name?");
        assert_eq!(question["params"].get("mode").is_some(), version == "2025-11-25");
        wire.respond(&question, accept(json!({"name": "Ann"}))).await;
        assert_eq!(said(&wire.answer(call).await), ("a thing for Ann".to_owned(), false));
    }
}
