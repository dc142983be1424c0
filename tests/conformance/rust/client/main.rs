//! The client that the official conformance suite drives. Usage: client URL
//!
//! The suite names the scenario in `MCP_CONFORMANCE_SCENARIO`.

use std::env;
use std::error::Error;

use oxmcp::Client;
use oxmcp::model::Implementation;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("usage: client URL")?;
    let scenario = env::var("MCP_CONFORMANCE_SCENARIO")?;
    let client =
        Client::connect(url).client_info(Implementation::new("oxmcp-conformance-rust", "0.1.0")).await?;
    eprintln!("{} speaks {}", client.server_info().name, client.protocol_version());
    let outcome = play(&client, &scenario).await;
    client.close().await?;
    outcome
}

/// Does what a client does in a scenario, once it is connected.
async fn play(client: &Client, scenario: &str) -> Result<(), Box<dyn Error>> {
    match scenario {
        // Their servers declare no tools.
        "initialize" | "request-metadata" => Ok(client.ping().await?),
        "json-schema-ref-no-deref" => {
            client.list_tools().await?;
            Ok(())
        }
        "tools_call" => {
            let tools = client.list_tools().await?;
            let tool = tools.first().ok_or("the server has no tools")?;
            let result = client.call_tool(&tool.name, json!({"a": 2, "b": 3})).await?;
            match result.joined_text().as_str() {
                "The sum of 2 and 3 is 5" => Ok(()),
                other => Err(format!("{} answered {other:?}", tool.name).into()),
            }
        }
        "sse-retry" => {
            // The suite answers the call over whatever stream comes next, so the client's own has to be there before.
            let tools = client.list_tools().await?;
            let tool = tools.first().ok_or("the server has no tools")?;
            client.call_tool(&tool.name, json!({})).await?;
            Ok(())
        }
        "json-schema-2020-12-preservation" => {
            let tools = client.list_tools().await?;
            let tool = tools.iter().find(|tool| tool.name == "json_schema_2020_12_tool");
            let schema: Value = tool.ok_or("the tool to echo is missing")?.input_schema.to()?;
            client.call_tool("json_schema_echo", json!({"schema": schema})).await?;
            Ok(())
        }
        other => Err(format!("the Rust client does not cover the scenario {other}").into()),
    }
}
