//! The server made with oxmcp, over its standard streams.

use oxmcp_interop::oxmcp_server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), oxmcp::Error> {
    oxmcp_server().serve_stdio().await
}
