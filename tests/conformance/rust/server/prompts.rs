//! Prompts, with what is proposed for their arguments.

use oxmcp::model::{Content, PromptMessage, ResourceContents};
use oxmcp::server::{Elicit, HandlerError, prompt};
use oxmcp::{Context, Server};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::samples::PNG;

pub(crate) fn add(server: Server) -> Server {
    server
        .prompt("test_simple_prompt", "A prompt without arguments.", || async {
            "This is a simple prompt for testing."
        })
        .with(
            prompt("test_prompt_with_arguments", with_arguments)
                .description("A prompt with two arguments.")
                .complete("arg1", ["paris", "park", "party"])
                .complete("arg2", ["world"]),
        )
        .prompt("test_prompt_with_embedded_resource", "A prompt with a resource in it.", with_resource)
        .prompt("test_prompt_with_image", "A prompt with an image in it.", with_image)
        .prompt("test_input_required_result_prompt", "A prompt that asks before it says something.", asking)
}

#[derive(Deserialize, JsonSchema)]
struct Two {
    /// The first.
    arg1: String,
    /// The second.
    arg2: String,
}

async fn with_arguments(Two { arg1, arg2 }: Two) -> String {
    format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Embedding {
    /// The URI of the resource to embed.
    resource_uri: String,
}

async fn with_resource(Embedding { resource_uri }: Embedding) -> Vec<PromptMessage> {
    let text = "Embedded resource content for testing.";
    let resource = ResourceContents::text(resource_uri, "text/plain", text);
    vec![
        PromptMessage::user(Content::resource(resource)),
        PromptMessage::user("Please process the embedded resource above."),
    ]
}

async fn with_image() -> Vec<PromptMessage> {
    vec![
        PromptMessage::user(Content::image(PNG, "image/png")),
        PromptMessage::user("Please analyze the image above."),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Background {
    context: String,
}

async fn asking(context: Context) -> Result<String, HandlerError> {
    let question = Elicit::<Background>::form("What context should the prompt use?").key("user_context");
    let Background { context } = context.elicit(question).await?.accepted()?;
    Ok(format!("Think of {context}."))
}
