//! The server made with rmcp, over its standard streams.

use std::error::Error;

use oxmcp_interop::RmcpServer;
use rmcp::ServiceExt;
use rmcp::transport::io::stdio;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    RmcpServer::default().serve(stdio()).await?.waiting().await?;
    Ok(())
}
