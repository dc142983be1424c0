use oxmcp::model::{Content, ResourceContents};
use oxmcp::server::{Arguments, Json, ToolError};
use oxmcp::{Context, Server};

use crate::tools::{AUDIO, Add, IMAGE, PAGE_SIZE, RESOURCE, Sum};

/// The server made with oxmcp.
pub fn oxmcp_server() -> Server {
    Server::new("interop-oxmcp", "0.1.0")
        .instructions("Call the tools.")
        .page_size(PAGE_SIZE)
        .tool("add", "Adds two numbers.", |Add { a, b }: Add| async move { Json(Sum { sum: a + b }) })
        .tool("show", "Shows content of every kind.", show)
        .tool("who", "Says who the client says it is.", who)
        .tool("fail", "Fails.", || async { Err::<(), _>(ToolError::failed("it did not work")) })
}

async fn show() -> Vec<Content> {
    vec![
        Content::text("text"),
        Content::image(IMAGE, "image/png"),
        Content::audio(AUDIO, "audio/wav"),
        Content::resource(ResourceContents::text(RESOURCE.0, "text/plain", RESOURCE.1)),
    ]
}

async fn who(_: Arguments, context: Context) -> Result<String, ToolError> {
    let client = context.client_info().ok_or_else(|| ToolError::failed("nobody"))?;
    Ok(client.name)
}
