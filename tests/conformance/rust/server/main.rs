//! The server that the official conformance suite drives. Usage: server --port N

mod input;
mod prompts;
mod resources;
mod samples;
mod tasks;
mod tools;

use std::error::Error;

use oxmcp::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let port = match &args[..] {
        [flag, port] if flag == "--port" => port,
        _ => return Err("usage: server --port N".into()),
    };
    let listening = server().listen(port.parse::<u16>()?).await?;
    eprintln!("listening at {}", listening.url());
    std::future::pending::<()>().await;
    Ok(())
}

fn server() -> Server {
    let server = Server::new("oxmcp-conformance-rust", "0.1.0").logging().subscribable();
    tasks::add(input::add(tools::add(prompts::add(resources::add(server)))))
}
