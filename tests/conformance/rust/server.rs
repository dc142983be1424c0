//! The server that the official conformance suite drives. Usage: server --port N

use std::error::Error;
use std::time::Duration;

use oxmcp::model::{Content, ResourceContents, Tool};
use oxmcp::server::{Arguments, ToolError, ToolFn};
use oxmcp::{Context, Server};
use serde_json::json;

/// A red pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC";

/// A sound without samples.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let port = match &args[..] {
        [flag, port] if flag == "--port" => port,
        _ => return Err("usage: server --port N".into()),
    };
    let listening = server()?.listen(port.parse::<u16>()?).await?;
    eprintln!("listening at {}", listening.url());
    std::future::pending::<()>().await;
    Ok(())
}

fn server() -> Result<Server, Box<dyn Error>> {
    let server = Server::new("oxmcp-conformance-rust", "0.1.0")
        .tool("test_simple_text", "Answers with text.", simple_text)
        .tool("test_image_content", "Answers with an image.", image)
        .tool("test_audio_content", "Answers with sound.", audio)
        .tool("test_embedded_resource", "Answers with a resource.", embedded_resource)
        .tool("test_multiple_content_types", "Answers with three kinds of content.", mixed_content)
        .tool("test_tool_with_progress", "Reports progress.", with_progress)
        .tool("test_reconnection", "Closes its stream before it answers.", reconnection)
        .tool("test_error_handling", "Always fails.", failing);
    server.add_tool(many_keywords()?, ToolFn::into_handler(contact))?;
    server.add_tool(with_header()?, ToolFn::into_handler(simple_text))?;
    Ok(server)
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
    let text = "This is an embedded resource content.";
    Content::resource(ResourceContents::text("test://embedded-resource", "text/plain", text))
}

async fn mixed_content() -> Vec<Content> {
    let json = r#"{"test":"data","value":123}"#;
    vec![
        Content::text("Multiple content types test:"),
        Content::image(PNG, "image/png"),
        Content::resource(ResourceContents::text("test://mixed-content-resource", "application/json", json)),
    ]
}

async fn reconnection(_: Arguments, context: Context) -> &'static str {
    context.close_stream();
    // The client is to come back before there is an answer.
    tokio::time::sleep(Duration::from_millis(100)).await;
    "The stream was closed and resumed."
}

/// A tool with an argument that HTTP repeats in a header.
fn with_header() -> Result<Tool, serde_json::Error> {
    let schema = json!({
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
        "required": ["region"],
    });
    Ok(Tool {
        description: Some("Has an argument that is repeated in a header.".to_owned()),
        ..Tool::new("test_custom_header", oxmcp::RawJson::of(&schema)?)
    })
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

async fn contact(contact: Arguments) -> String {
    format!("The contact is {}.", contact.0)
}

/// A tool whose schema has keywords of every kind, which `tools/list` must not lose.
fn many_keywords() -> Result<Tool, serde_json::Error> {
    serde_json::from_value(json!({
        "name": "json_schema_2020_12_tool",
        "description": "Has a schema of many keywords.",
        "inputSchema": {
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
        },
    }))
}
