//! An MCP server as one route of an axum application. Usage: axum [--port N]

use std::error::Error;

use axum::Router;
use axum::routing::get;
use oxmcp::Server;
use oxmcp::transport::HttpOptions;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpListener;

#[derive(Deserialize, JsonSchema)]
struct Shout {
    text: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::new("shouting", "0.1.0").tool(
        "shout",
        "Says it louder.",
        |Shout { text }: Shout| async move { text.to_uppercase() },
    );
    // It looks at `Host` and `Origin` by itself; the path is the router's.
    let endpoint = server.http_service(HttpOptions::default())?;
    let application =
        Router::new().route("/health", get(|| async { "in good health" })).route_service("/mcp", endpoint);

    let args: Vec<String> = std::env::args().skip(1).collect();
    let port = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => 0,
        ["--port", port] => port.parse()?,
        _ => return Err("usage: axum [--port N]".into()),
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    eprintln!("listening at http://{}/mcp", listener.local_addr()?);
    axum::serve(listener, application).await?;
    Ok(())
}
