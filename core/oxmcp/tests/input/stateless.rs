//! The stateless era: what the handler asks goes out in its answer, and the handler runs again with the client's answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oxmcp::server::{Elicit, Sample, ToolError};
use oxmcp::{Context, Server};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::{BOTH, Over, Required, Wire, accept, required, said, tool};

#[derive(Deserialize, JsonSchema)]
struct Name {
    name: String,
}

#[derive(Deserialize, JsonSchema)]
struct Color {
    color: String,
}

fn everything() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {}})
}

async fn name_and_color(context: Context) -> Result<String, ToolError> {
    let Name { name } = context.elicit("What is your name?").await?.accepted()?;
    let Color { color } = context.elicit("What is your favourite color?").await?.accepted()?;
    Ok(format!("{name} likes {color}"))
}

#[tokio::test]
async fn questions_go_out_round_by_round_and_the_handler_goes_on_with_the_answers() {
    let server = Server::new("test", "1").tool("ask", "Asks.", tool!(name_and_color));
    for over in BOTH {
        let mut wire = Wire::stateless(&server, over, everything()).await;
        let first = required(&wire.call("ask", json!({})).await);
        let (_, question) = first.only();
        assert_eq!(
            question,
            &json!({
                "method": "elicitation/create",
                "params": {
                    "mode": "form",
                    "message": "What is your name?",
                    "requestedSchema": {
                        "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"],
                    },
                },
            })
        );
        let second = required(&wire.call("ask", first.answered(accept(json!({"name": "Ann"})))).await);
        assert_eq!(second.only().1["params"]["message"], "What is your favourite color?");
        assert_ne!(first.state, second.state);
        let answer = wire.call("ask", second.answered(accept(json!({"color": "red"})))).await;
        assert_eq!(said(&answer), ("Ann likes red".to_owned(), false));
        assert_eq!(answer["result"]["resultType"], "complete");
    }
}

#[tokio::test]
async fn questions_that_are_asked_at_once_go_out_together_and_what_was_not_answered_is_asked_again() {
    async fn ask(context: Context) -> Result<String, ToolError> {
        let (name, greeting, roots) = tokio::join!(
            context.elicit(Elicit::<Name>::form("What is your name?").key("user_name")),
            context.sample(Sample::new("Generate a greeting").max_tokens(50)),
            context.list_roots(),
        );
        let greeting = greeting?;
        let text = greeting.content[0].as_text().unwrap_or_default();
        Ok(format!("{text}, {}: {}", name?.accepted()?.name, roots?[0].uri))
    }
    let server = Server::new("test", "1").tool("ask", "Asks.", tool!(ask));
    let mut wire = Wire::stateless(&server, Over::Memory, everything()).await;
    let first = required(&wire.call("ask", json!({})).await);
    let methods: Vec<&Value> = first.requests.iter().map(|(_, request)| &request["method"]).collect();
    assert_eq!(methods.len(), 3);
    let key_of = |required: &Required, method: &str| {
        required.requests.iter().find(|(_, request)| request["method"] == method).unwrap().0.clone()
    };
    assert_eq!(key_of(&first, "elicitation/create"), "user_name");
    let sampling = key_of(&first, "sampling/createMessage");
    let roots = key_of(&first, "roots/list");

    let greeting = json!({"role": "assistant", "content": {"type": "text", "text": "Hello"}, "model": "m"});
    let some = json!({"user_name": accept(json!({"name": "Ann"})), sampling: greeting, "another": {"x": 1}});
    let second =
        required(&wire.call("ask", json!({"inputResponses": some, "requestState": first.state})).await);
    assert_eq!(second.only().0, roots);
    let answer = wire.call("ask", second.answered(json!({"roots": [{"uri": "file:///a"}]}))).await;
    assert_eq!(said(&answer), ("Hello, Ann: file:///a".to_owned(), false));
}

#[tokio::test]
async fn a_step_is_done_once_and_the_rest_of_the_handler_again() {
    let counts: Arc<[AtomicUsize; 2]> = Arc::default();
    let count = counts.clone();
    let server = Server::new("test", "1").tool(
        "ask",
        "Asks.",
        move |_: oxmcp::server::Arguments, context: Context| {
            let count = count.clone();
            async move {
                count[0].fetch_add(1, Ordering::SeqCst);
                let made = context
                    .step("make", async || {
                        tokio::task::yield_now().await;
                        count[1].fetch_add(1, Ordering::SeqCst);
                        "a thing".to_owned()
                    })
                    .await?;
                context.confirm(format!("Keep {made}?")).await?;
                Ok::<_, ToolError>(made)
            }
        },
    );
    let mut wire = Wire::stateless(&server, Over::Memory, everything()).await;
    let first = required(&wire.call("ask", json!({})).await);
    assert_eq!(first.only().1["params"]["message"], "Keep a thing?");
    let answer = wire.call("ask", first.answered(accept(json!({"confirm": true})))).await;
    assert_eq!(said(&answer), ("a thing".to_owned(), false));
    assert_eq!(counts.each_ref().map(|count| count.load(Ordering::SeqCst)), [2, 1]);
}
