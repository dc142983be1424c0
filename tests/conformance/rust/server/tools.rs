//! Tools: every kind of content, failure, progress, logging, and changes of what is offered.

use std::time::Duration;

use oxmcp::model::{Content, LoggingLevel, ResourceContents};
use oxmcp::server::{Arguments, ToolBuilder, ToolError, prompt, schema, tool};
use oxmcp::{Context, Server};
use serde_json::json;

use crate::resources;
use crate::samples::{PNG, WAV};

pub(crate) fn add(server: Server) -> Server {
    let server = server
        .tool("test_simple_text", "Answers with text.", simple_text)
        .tool("test_image_content", "Answers with an image.", image)
        .tool("test_audio_content", "Answers with sound.", audio)
        .tool("test_embedded_resource", "Answers with a resource.", embedded_resource)
        .tool("test_multiple_content_types", "Answers with three kinds of content.", mixed_content)
        .tool("test_tool_with_logging", "Logs what it does.", with_logging)
        .tool("test_logging_tool", "Logs what it does.", with_logging)
        .tool("test_tool_with_progress", "Reports progress.", with_progress)
        .tool("test_error_handling", "Always fails.", failing)
        .tool("test_reconnection", "Closes its stream and goes on.", reconnecting);
    let (tools, prompts) = (server.clone(), server.clone());
    server
        .with(many_keywords())
        .with(with_header())
        .tool("test_trigger_tool_change", "Adds a tool or takes it away again.", move || {
            let server = tools.clone();
            async move { change_tools(&server) }
        })
        .tool("test_trigger_prompt_change", "Adds a prompt or takes it away again.", move || {
            let server = prompts.clone();
            async move { change_prompts(&server) }
        })
}

async fn simple_text() -> &'static str {
    "This is a simple text response for testing."
}

async fn image() -> Content {
    Content::image(PNG, "image/png")
}

async fn audio() -> Content {
    Content::audio(WAV, "audio/wav")
}

async fn embedded_resource() -> Content {
    resources::embedded()
}

async fn mixed_content() -> Vec<Content> {
    let json = r#"{"test":"data","value":123}"#;
    vec![
        Content::text("Multiple content types test:"),
        Content::image(PNG, "image/png"),
        Content::resource(ResourceContents::text("test://mixed-content-resource", "application/json", json)),
    ]
}

async fn with_logging(_: Arguments, context: Context) -> &'static str {
    for (step, message) in
        ["Tool execution started", "Tool processing data", "Tool execution completed"].iter().enumerate()
    {
        if step > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        context.log(LoggingLevel::Info, Some("conformance"), message);
    }
    "Done."
}

async fn with_progress(_: Arguments, context: Context) -> String {
    for percent in [0, 50, 100] {
        if percent > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let message = format!("Completed step {percent} of 100");
        context.progress(f64::from(percent), Some(100.0), Some(&message));
    }
    "Done.".to_owned()
}

async fn failing() -> Result<String, ToolError> {
    Err(ToolError::failed("This tool intentionally returns an error for testing"))
}

async fn reconnecting(_: Arguments, context: Context) -> &'static str {
    context.close_stream();
    tokio::time::sleep(Duration::from_millis(100)).await;
    "The stream was closed, and here is the answer."
}

fn change_tools(server: &Server) -> Result<&'static str, ToolError> {
    if server.remove_tool("test_changing_tool") {
        return Ok("A tool is gone.");
    }
    server.add(tool("test_changing_tool", simple_text).description("Comes and goes."))?;
    Ok("A tool has come.")
}

fn change_prompts(server: &Server) -> Result<&'static str, ToolError> {
    if server.remove_prompt("test_changing_prompt") {
        return Ok("A prompt is gone.");
    }
    let prompt = prompt("test_changing_prompt", || async { "Come and go." });
    server.add(prompt.description("Comes and goes."))?;
    Ok("A prompt has come.")
}

async fn contact(contact: Arguments) -> String {
    format!("The arguments are {}.", contact.0)
}

/// A tool with an argument that HTTP repeats in a header.
fn with_header() -> ToolBuilder {
    let arguments = json!({
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    });
    tool("test_tool_with_header", contact)
        .description("Repeats its region in a header.")
        .input_schema(schema(arguments))
}

/// A tool whose schema has keywords of every kind, which `tools/list` must not lose.
fn many_keywords() -> ToolBuilder {
    let arguments = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {
                "address": {
                    "$anchor": "addressDef",
                    "type": "object",
                    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
                },
            },
            "properties": {
                "name": {"type": "string"},
                "address": {"$ref": "#/$defs/address"},
                "contactMethod": {"type": "string", "enum": ["phone", "email"]},
                "phone": {"type": "string"},
                "email": {"type": "string"},
            },
            "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
            "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
            "then": {"required": ["phone"]},
            "else": {"required": ["email"]},
            "additionalProperties": false,
    });
    tool("json_schema_2020_12_tool", contact)
        .description("Has a schema of many keywords.")
        .input_schema(schema(arguments))
}
