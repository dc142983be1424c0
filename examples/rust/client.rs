//! Calls a tool of any MCP server. Usage: client TOOL ARGUMENTS URL | COMMAND [ARGS...]

use std::error::Error;
use std::process::ExitCode;

use oxmcp::client::Target;
use oxmcp::{Client, Command};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(tool), Some(arguments), Some(server)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: client TOOL ARGUMENTS URL | COMMAND [ARGS...]".into());
    };
    let arguments: Value = serde_json::from_str(&arguments)?;
    let target: Target = if server.starts_with("http://") || server.starts_with("https://") {
        server.into()
    } else {
        Command::new(server).args(args).into()
    };

    let client = Client::connect(target).await?;
    let info = client.server_info();
    println!("server: {} {}, revision {}", info.name, info.version, client.protocol_version());
    let tools: Vec<String> = client.list_tools().await?.into_iter().map(|tool| tool.name).collect();
    println!("tools: {}", tools.join(", "));

    let result = client
        .call_tool(&tool, arguments)
        .on_progress(|report| {
            let total = report.total.map_or("?".to_owned(), |total| total.to_string());
            println!("progress: {}/{total} {}", report.progress, report.message.unwrap_or_default());
        })
        .await?;
    client.close().await?;
    if result.is_error {
        return Err(format!("{tool} failed: {}", result.joined_text()).into());
    }
    println!("{}", result.joined_text());
    Ok(())
}
