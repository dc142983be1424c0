//! The server of the matrix. Usage: interop-everything-server stdio | http | sse
//!
//! Over HTTP it prints its URL when it listens, and ends with its standard input; `sse` is the transport of 2024-11-05.

use std::error::Error;

use oxmcp::transport::HttpOptions;
use oxmcp_interop::everything_server;
use tokio::io::{AsyncReadExt, stdin};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("stdio") => everything_server().serve_stdio().await?,
        Some(transport @ ("http" | "sse")) => {
            let options = HttpOptions { legacy_sse: true, ..HttpOptions::default() };
            let listening = everything_server().listen(options).await?;
            match transport {
                "sse" => println!("http://{}/sse", listening.local_addr()),
                _ => println!("{}", listening.url()),
            }
            stdin().read_to_end(&mut Vec::new()).await?;
            listening.close().await;
        }
        _ => return Err("usage: interop-everything-server stdio | http | sse".into()),
    }
    Ok(())
}
