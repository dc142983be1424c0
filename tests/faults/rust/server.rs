//! A server for the fault tests; `--port N` for HTTP, and then it prints its URL. Its tools: `echo`, `throw` (its handler panics), `sleep` (for so many milliseconds).

use std::env;
use std::time::Duration;

use oxmcp::Server;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Echo {
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Sleep {
    ms: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new("faults", "0.1.0")
        .tool("echo", "Say it again.", |Echo { text }: Echo| async move { text })
        .tool("throw", "Fail badly.", || async {
            if true {
                panic!("thrown on purpose")
            }
        })
        .tool("sleep", "Take a while.", |Sleep { ms }: Sleep| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            "slept"
        });
    let mut args = env::args().skip(1);
    if args.next().as_deref() != Some("--port") {
        return Ok(server.serve_stdio().await?);
    }
    let port: u16 = args.next().ok_or("--port needs a number")?.parse()?;
    let listening = server.listen(port).await?;
    println!("{}", listening.url());
    std::future::pending().await
}
