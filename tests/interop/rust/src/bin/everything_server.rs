//! The server of the matrix. Usage: interop-everything-server stdio | http
//!
//! Over HTTP it prints its URL when it listens, and ends with its standard input. The transport of 2024-11-05 is at `/sse`.

use std::error::Error;

use oxmcp::transport::HttpOptions;
use oxmcp_interop::everything_server;
use tokio::io::{AsyncReadExt, stdin};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("stdio") => everything_server().serve_stdio().await?,
        Some("http") => {
            let options = HttpOptions { legacy_sse: true, ..HttpOptions::default() };
            let listening = everything_server().listen(options).await?;
            println!("{}", listening.url());
            stdin().read_to_end(&mut Vec::new()).await?;
            listening.close().await;
        }
        _ => return Err("usage: interop-everything-server stdio | http".into()),
    }
    Ok(())
}
