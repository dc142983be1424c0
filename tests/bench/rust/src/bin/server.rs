//! The benchmark's server: tools `echo` and `blob`. `server stdio` or `server http PORT`.

use std::env;

use oxmcp::Server;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Echo {
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Blob {
    size: usize,
}

fn server() -> Server {
    Server::new("bench", "0.1.0")
        .tool("echo", "Return the text.", |Echo { text }: Echo| async move { text })
        .tool(
            "blob",
            "Return a text of so many bytes.",
            |Blob { size }: Blob| async move { "x".repeat(size) },
        )
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (Some("stdio"), None) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(runtime.block_on(server().serve_stdio())?)
        }
        (Some("http"), Some(port)) => {
            let port: u16 = port.parse()?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(async {
                let _listening = server().listen(port).await?;
                std::future::pending::<()>().await;
                Ok(())
            })
        }
        _ => Err("usage: server stdio | server http PORT".into()),
    }
}
