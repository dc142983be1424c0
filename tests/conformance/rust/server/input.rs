//! Tools that ask their client for something.

use oxmcp::model::{CreateMessageResult, Extra, RequestedSchema};
use oxmcp::server::{Elicit, Elicited, Sample, ToolError};
use oxmcp::{Context, Server};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) fn add(server: Server) -> Server {
    server
        .tool("test_sampling", "Asks the client's model.", sampling)
        .tool("test_elicitation", "Asks the client's user.", elicitation)
        .tool("test_elicitation_sep1034_defaults", "Asks with answers filled in.", defaults)
        .tool("test_elicitation_sep1330_enums", "Asks with choices.", enums)
        .tool("test_streaming_elicitation", "Asks while it streams.", streaming)
        .tool("test_missing_capability", "Needs a model.", missing_capability)
        .tool("test_input_required_result_elicitation", "Asks for a name.", name)
        .tool("test_input_required_result_sampling", "Asks for a capital.", capital)
        .tool("test_input_required_result_list_roots", "Asks for the roots.", roots)
        .tool("test_input_required_result_request_state", "Asks for a confirmation.", state)
        .tool("test_input_required_result_tampered_state", "Asks for a confirmation.", state)
        .tool("test_input_required_result_multiple_inputs", "Asks for three things at once.", at_once)
        .tool("test_input_required_result_multi_round", "Asks for one thing after another.", rounds)
        .tool("test_input_required_result_capabilities", "Asks for what it can get.", what_it_can)
}

#[derive(Deserialize, JsonSchema)]
struct Prompt {
    /// What to ask the model.
    prompt: String,
}

async fn sampling(Prompt { prompt }: Prompt, context: Context) -> Result<String, ToolError> {
    let answer = context.sample(Sample::new(prompt).max_tokens(100)).await?;
    Ok(format!("LLM response: {}", text(&answer)))
}

#[derive(Deserialize, JsonSchema)]
struct Message {
    /// What to say to the user.
    message: String,
}

#[derive(Deserialize, JsonSchema)]
struct User {
    /// User's response
    username: String,
    /// User's email address
    email: String,
}

async fn elicitation(Message { message }: Message, context: Context) -> Result<String, ToolError> {
    Ok(match context.elicit::<User>(message).await? {
        Elicited::Accepted(User { username, email }) => {
            format!("User response: action=accept, content={}", json!({"username": username, "email": email}))
        }
        Elicited::Declined => "User response: action=decline".to_owned(),
        Elicited::Cancelled => "User response: action=cancel".to_owned(),
    })
}

async fn defaults(context: Context) -> Result<String, ToolError> {
    let properties = json!({
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": true},
    });
    fields(&context, "Please look through this.", properties).await
}

async fn enums(context: Context) -> Result<String, ToolError> {
    let options = ["option1", "option2", "option3"];
    let titled = |what: &str| {
        let option = |(value, nth)| json!({"const": value, "title": format!("{nth} {what}")});
        Value::from_iter([("value1", "First"), ("value2", "Second"), ("value3", "Third")].map(option))
    };
    let properties = json!({
        "untitledSingle": {"type": "string", "enum": options},
        "titledSingle": {"type": "string", "oneOf": titled("Option")},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}},
    });
    fields(&context, "Please choose.", properties).await
}

/// Asks for fields that are given as JSON.
async fn fields(context: &Context, message: &str, properties: Value) -> Result<String, ToolError> {
    let form: RequestedSchema = serde_json::from_value(json!({"type": "object", "properties": properties}))?;
    let (action, content) = match context.elicit(Elicit::fields(message, form)).await? {
        Elicited::Accepted(content) => ("accept", content),
        Elicited::Declined => ("decline", Extra::new()),
        Elicited::Cancelled => ("cancel", Extra::new()),
    };
    Ok(format!("Elicitation completed: action={action}, content={}", Value::Object(content)))
}

async fn streaming(context: Context) -> Result<&'static str, ToolError> {
    context.progress(1.0, Some(2.0), Some("About to ask"));
    context.confirm("Shall it go on?").await?;
    Ok("It went on.")
}

async fn missing_capability(context: Context) -> Result<String, ToolError> {
    let answer = context.sample(Sample::new("Are you there?")).await?;
    Ok(text(&answer))
}

#[derive(Deserialize, JsonSchema)]
struct Name {
    name: String,
}

async fn name(context: Context) -> Result<String, ToolError> {
    // A greeting does no harm, whoever it is for.
    let question = Elicit::<Name>::form("What is your name?").key("user_name").accept_unasked();
    let Name { name } = context.elicit(question).await?.accepted()?;
    Ok(format!("Hello, {name}!"))
}

async fn capital(context: Context) -> Result<String, ToolError> {
    let question = Sample::new("What is the capital of France?").max_tokens(100).key("capital_question");
    Ok(text(&context.sample(question).await?))
}

async fn roots(context: Context) -> Result<String, ToolError> {
    let roots = context.list_roots().await?;
    Ok(roots.iter().map(|root| root.uri.as_str()).collect::<Vec<_>>().join("\n"))
}

#[derive(Deserialize, JsonSchema)]
struct Consent {
    ok: bool,
}

async fn state(context: Context) -> Result<String, ToolError> {
    let started = context.step("start", || async { "state-ok".to_owned() }).await?;
    let Consent { ok } =
        context.elicit(Elicit::<Consent>::form("Please confirm").key("confirm")).await?.accepted()?;
    Ok(format!("{started}: {ok}"))
}

async fn at_once(context: Context) -> Result<String, ToolError> {
    let (user, greeting, roots) = tokio::try_join!(
        context.elicit(Elicit::<Name>::form("What is your name?").key("user_name")),
        context.sample(Sample::new("Generate a greeting").max_tokens(50).key("greeting")),
        context.list_roots(),
    )?;
    let Name { name } = user.accepted()?;
    Ok(format!("{} for {name}, who shows {} roots", text(&greeting), roots.len()))
}

#[derive(Deserialize, JsonSchema)]
struct Color {
    color: String,
}

async fn rounds(context: Context) -> Result<String, ToolError> {
    let first = Elicit::<Name>::form("Step 1: What is your name?").key("step1");
    let Name { name } = context.elicit(first).await?.accepted()?;
    let second = Elicit::<Color>::form("Step 2: What is your favorite color?").key("step2");
    let Color { color } = context.elicit(second).await?.accepted()?;
    Ok(format!("{name} likes {color}."))
}

async fn what_it_can(context: Context) -> Result<String, ToolError> {
    let answer = context.sample(Sample::new("What can you do?").max_tokens(100)).await?;
    Ok(text(&answer))
}

fn text(answer: &CreateMessageResult) -> String {
    answer.content.iter().filter_map(|content| content.as_text()).collect::<Vec<_>>().join("\n")
}
