//! The client that the official conformance suite drives. Usage: client URL
//!
//! The suite names the scenario in `MCP_CONFORMANCE_SCENARIO`, and tells what it needs to know in `MCP_CONFORMANCE_CONTEXT`.

mod authorization;

use std::env;
use std::error::Error;
use std::time::Duration;

use oxmcp::model::{ElicitFormParams, ElicitResult, Extra, Implementation};
use oxmcp::{Client, Limits};
use serde::Deserialize;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("usage: client URL")?;
    let scenario = env::var("MCP_CONFORMANCE_SCENARIO")?;
    // On a machine that is busy with other scenarios, a server that says nothing for a while is none of an older era.
    let limits = Limits::with(|limits| limits.probe = Duration::from_secs(20));
    let info = Implementation::new("oxmcp-conformance-rust", "0.1.0");
    let connect = Client::connect(url).client_info(info).limits(limits);
    let connect = match &*scenario {
        "elicitation-sep1034-client-defaults" | "sep-2322-client-request-state" => {
            connect.on_elicitation(agree)
        }
        _ if scenario.starts_with("auth/") => connect.authorization(authorization::authorization(&scenario)?),
        _ => connect,
    };
    let client = connect.await?;
    eprintln!("{} speaks {}", client.server_info().name, client.protocol_version());
    let outcome = play(&client, &scenario).await;
    client.close().await?;
    outcome
}

/// Agrees to whatever is asked, and leaves what has a default to the default.
async fn agree(form: ElicitFormParams) -> ElicitResult {
    let mut content = Extra::new();
    if form.requested_schema.properties.member("confirmed").is_some() {
        content.insert("confirmed".to_owned(), true.into());
    }
    ElicitResult::accept(content)
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
        "elicitation-sep1034-client-defaults" | "sse-retry" | "http-invalid-tool-headers" => {
            call_all_tools(client).await
        }
        // What it takes to be let in is what these are about.
        scenario if scenario.starts_with("auth/") => call_all_tools(client).await,
        "sep-2322-client-request-state" => {
            // The other tool is called while the first waits for its answers; neither may see what belongs to the other.
            let (echo, unrelated) = tokio::join!(
                client.call_tool("test_mrtr_echo_state", json!({})),
                client.call_tool("test_mrtr_unrelated", json!({})),
            );
            echo.and(unrelated)?;
            client.call_tool("test_mrtr_no_state", json!({})).await?;
            client.call_tool("test_mrtr_no_result_type", json!({})).await?;
            Ok(())
        }
        "http-standard-headers" => call_everything(client).await,
        "http-custom-headers" => {
            #[derive(Deserialize)]
            #[serde(rename_all = "camelCase")]
            struct Context {
                tool_calls: Vec<ToolCall>,
            }
            #[derive(Deserialize)]
            struct ToolCall {
                name: String,
                arguments: Value,
            }
            client.list_tools().await?;
            let context: Context = serde_json::from_str(&env::var("MCP_CONFORMANCE_CONTEXT")?)?;
            for call in context.tool_calls {
                client.call_tool(call.name, call.arguments).await?;
            }
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

async fn call_all_tools(client: &Client) -> Result<(), Box<dyn Error>> {
    for tool in client.list_tools().await? {
        client.call_tool(&tool.name, json!({})).await?;
    }
    Ok(())
}

/// Makes a request of every kind that the server has something for.
async fn call_everything(client: &Client) -> Result<(), Box<dyn Error>> {
    call_all_tools(client).await?;
    for resource in client.list_resources().await? {
        client.read_resource(&resource.uri).await?;
    }
    for prompt in client.list_prompts().await? {
        client.get_prompt(&prompt.name, json!({})).await?;
    }
    Ok(())
}
