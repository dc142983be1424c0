use oxmcp::model::{Content, GetPromptResult, Prompt, PromptArgument, PromptMessage, ResourceContents};
use oxmcp::server::{HandlerError, PromptGet, PromptHandler, PromptOutput, Texts, prompt};
use oxmcp::{Context, Method, ProtocolVersion, RawJson, Server};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ERAS, call, connect, refused};

#[derive(Deserialize, JsonSchema)]
struct Review {
    /// What to review.
    code: String,
    /// How many remarks.
    at_most: Option<u8>,
}

fn server() -> Server {
    Server::new("test", "1")
        .prompt("review", "Reviews code.", |Review { code, at_most }: Review| async move {
            format!("Review {code}, {at_most:?}")
        })
        .prompt("plain", "Says hello.", || async { "Hello." })
        .prompt("era", "Says when.", |ctx: Context| async move { ctx.protocol_version().to_string() })
        .prompt("texts", "Says all.", |texts: Texts, _: Context| async move { format!("{texts:?}") })
        .prompt("blocks", "Says many things.", || async {
            vec![
                PromptMessage::user(Content::image("aGk=", "image/png")),
                PromptMessage::assistant(Content::audio("aGk=", "audio/wav")),
                PromptMessage::user(Content::resource(ResourceContents::text("a:b", "text/plain", "x"))),
            ]
        })
        .prompt("whole", "Not this.", || async {
            let messages = vec![PromptMessage::user("x")];
            GetPromptResult { description: Some("This.".into()), messages, ..GetPromptResult::default() }
        })
        .prompt("fails", "Fails.", || async { Err::<String, _>(HandlerError::failed("no luck")) })
        .prompt("refuses", "Refuses.", || async { Err::<String, _>(HandlerError::invalid("not that")) })
        .prompt("panics", "Panics.", || async { if true { panic!("secret words") } else { "" } })
}

async fn get(client: &oxmcp::Client, name: &str, arguments: Value) -> Value {
    call(client, Method::GetPrompt, json!({"name": name, "arguments": arguments})).await.unwrap()
}

#[tokio::test]
async fn a_prompt_says_what_its_function_makes_of_its_arguments() {
    for version in ERAS {
        let client = connect(&server(), version).await;
        let text = |text: &str| json!([{"role": "user", "content": {"type": "text", "text": text}}]);
        let review = get(&client, "review", json!({"code": "x", "at_most": "3"})).await;
        assert_eq!(
            (&review["messages"], &review["description"]),
            (&text("Review x, Some(3)"), &json!("Reviews code."))
        );
        assert_eq!(get(&client, "review", json!({"code": "x"})).await["messages"], text("Review x, None"));
        assert_eq!(get(&client, "plain", json!({})).await["messages"], text("Hello."));
        assert_eq!(
            call(&client, Method::GetPrompt, json!({"name": "plain"})).await.unwrap()["messages"],
            text("Hello.")
        );
        assert_eq!(get(&client, "era", json!({})).await["messages"], text(version.as_str()));
        assert_eq!(get(&client, "texts", json!({"a": "b"})).await["messages"], text(r#"{"a": "b"}"#));
        assert_eq!(get(&client, "whole", json!({})).await["description"], "This.");
        let blocks = get(&client, "blocks", json!({})).await;
        let kinds: Vec<_> = blocks["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| (m["role"].as_str().unwrap(), m["content"]["type"].as_str().unwrap()))
            .collect();
        assert_eq!(kinds, [("user", "image"), ("assistant", "audio"), ("user", "resource")]);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_for_a_prompt_is_said() {
    for version in ERAS {
        let client = connect(&server(), version).await;
        for (params, code, words) in [
            (json!({"name": "nothing"}), -32602, "unknown prompt: nothing"),
            (
                json!({"name": "review", "arguments": {"at_most": "1"}}),
                -32602,
                "missing required arguments: `code`",
            ),
            (json!({"name": "review", "arguments": {"code": "x", "at_most": "many"}}), -32602, "`at_most`"),
            (json!({"name": "review", "arguments": {"code": 1}}), -32602, "invalid params"),
            (json!({}), -32602, "name"),
            (json!({"name": "fails"}), -32603, "no luck"),
            (json!({"name": "refuses"}), -32602, "not that"),
            (json!({"name": "panics"}), -32603, "panicked"),
        ] {
            let error = call(&client, Method::GetPrompt, params.clone()).await.unwrap_err();
            let error = error.rpc().unwrap();
            assert_eq!(error.code, code, "{params}");
            assert!(error.message.contains(words) && !error.message.contains("secret"), "{}", error.message);
        }
    }
}

#[tokio::test]
async fn a_list_of_prompts_says_what_each_takes() {
    let server = Server::new("test", "1")
        .with(
            prompt("review", |_: Review| async { "" })
                .title("Review")
                .description("Reviews code.")
                .meta("a.b/c", true),
        )
        .prompt("plain", "Plain.", || async { "" });
    for version in ERAS {
        let client = connect(&server, version).await;
        let listed = call(&client, Method::ListPrompts, json!({})).await.unwrap();
        let arguments = json!([
            {"name": "code", "description": "What to review.", "required": true},
            {"name": "at_most", "description": "How many remarks.", "required": false},
        ]);
        let review = json!({"name": "review", "title": "Review", "description": "Reviews code.", "arguments": arguments, "_meta": {"a.b/c": true}});
        assert_eq!(listed["prompts"], json!([review, {"name": "plain", "description": "Plain."}]));
        assert!(server.disable_prompt("plain") && !server.disable_prompt("plain"));
        assert_eq!(refused(&client, Method::GetPrompt, json!({"name": "plain"})).await.0, -32602);
        let listed = call(&client, Method::ListPrompts, json!({})).await.unwrap();
        assert_eq!(listed["prompts"].as_array().unwrap().len(), 1);
        assert!(server.enable_prompt("plain"));
        get(&client, "plain", json!({})).await;
    }
    assert!(server.remove_prompt("plain") && !server.remove_prompt("plain"));
}

struct ByHand;

impl PromptHandler for ByHand {
    fn get(
        &self,
        get: PromptGet,
    ) -> futures_util::future::BoxFuture<'static, Result<PromptOutput, HandlerError>> {
        let json = match get.arguments.get("broken") {
            None => json!({"messages": [], "x": 1}),
            Some(_) => json!([]),
        };
        Box::pin(async move { Ok(PromptOutput::Json(RawJson::of(&json)?)) })
    }
}

#[tokio::test]
async fn a_prompt_by_hand_stays_as_it_is() {
    let server = Server::new("test", "1");
    let argument = PromptArgument { name: "broken".into(), ..PromptArgument::default() };
    server.add_prompt(Prompt { arguments: Some(vec![argument]), ..Prompt::new("by hand") }, ByHand).unwrap();
    assert!(server.add_prompt(Prompt::new(""), ByHand).is_err());
    let client = connect(&server, ProtocolVersion::V2025_11_25).await;
    assert_eq!(get(&client, "by hand", json!({})).await, json!({"messages": [], "x": 1}));
    assert_eq!(
        refused(&client, Method::GetPrompt, json!({"name": "by hand", "arguments": {"broken": ""}})).await.0,
        -32603
    );
}
