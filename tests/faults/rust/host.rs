//! `faults-host HOW COUNT PROGRAM ARGS...`: connects COUNT clients to that many servers started so, prints a line, and leaves them as HOW
//! says: `close`, `drop`, `return` from main, `exit` the process, or `hold` them until it is killed.

use std::env;
use std::future::pending;
use std::io::Read;

use oxmcp::transport::Stderr;
use oxmcp::{Client, Command};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    let usage = "usage: faults-host HOW COUNT PROGRAM ARGS...";
    let (how, count) = (args.next().ok_or(usage)?, args.next().ok_or(usage)?.parse()?);
    let command = Command::new(args.next().ok_or(usage)?).args(args).stderr(Stderr::Null);
    let connecting: Vec<_> =
        (0..count).map(|_| tokio::spawn(Client::connect(command.clone()).into_future())).collect();
    let mut clients: Vec<Client> = Vec::new();
    for client in connecting {
        clients.push(client.await??);
    }
    println!("connected");
    match how.as_str() {
        "close" => {
            let closing: Vec<_> =
                clients.into_iter().map(|client| tokio::spawn(async move { client.close().await })).collect();
            for closed in closing {
                closed.await??;
            }
        }
        "drop" => {
            drop(clients);
            // What is dropped goes in the background: it must, while this process lives.
            std::io::stdin().read_to_end(&mut Vec::new())?;
        }
        "return" => {}
        "exit" => std::process::exit(0),
        "hold" => pending().await,
        _ => return Err(usage.into()),
    }
    Ok(())
}
