//! How deep futures and types are nested in each other. Compilers follow them to a limit, 128 by default, and what a program puts around those
//! of the library comes on top.

#![recursion_limit = "96"]

use std::error::Error;

use oxmcp::server::TaskMode;
use oxmcp::{Client, Server};
use serde_json::json;

#[tokio::test]
async fn a_programs_own_functions_have_room_around_those_of_the_library() -> Result<(), Box<dyn Error>> {
    let server = Server::new("demo", "1.0.0")
        .task_tool("dig", "Dig a hole.", TaskMode::optional(), || async {
            tokio::task::yield_now().await;
            "a hole"
        })
        .resource("demo://a", "a", "text");
    let client = Client::connect(server).tasks().await?;
    assert_eq!(client.call_tool("dig", json!({})).await?.joined_text(), "a hole");
    let digging = client.call_tool("dig", json!({})).as_task().await?;
    assert_eq!(digging.result().await?.joined_text(), "a hole");
    assert_eq!(client.list_tools().await?.len(), 1);
    assert_eq!(client.read_resource("demo://a").await?.contents.len(), 1);
    client.close().await?;
    Ok(())
}
