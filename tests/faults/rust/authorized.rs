//! `faults-authorized URL TOKENS CALLS`: connects to a server that wants authorization, with the tokens in a file and no user to ask. For each
//! line that it reads it makes that many calls at once, and prints how many of them were answered.

use std::env;

use oxmcp::auth::{Authorization, Callback};
use oxmcp::store::FileTokens;
use oxmcp::{Client, ProtocolVersion};
use serde_json::json;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: faults-authorized URL TOKENS CALLS";
    let mut args = env::args().skip(1);
    let (url, tokens) = (args.next().ok_or(usage)?, FileTokens::open(args.next().ok_or(usage)?)?);
    let calls: usize = args.next().ok_or(usage)?.parse()?;
    let nobody = Callback::new("com.example.app:/authorized", |_| async { Err("the user was asked".into()) });
    let authorization = Authorization::code("Report Builder").store(tokens).user_agent(nobody);
    let client = Client::connect(url).only(ProtocolVersion::V2026_07_28).authorization(authorization).await?;
    println!("connected");
    while std::io::stdin().read_line(&mut String::new())? > 0 {
        let mut answers = JoinSet::new();
        for _ in 0..calls {
            let client = client.clone();
            answers.spawn(async move { client.call_tool("anything", json!({})).await });
        }
        let mut answered = 0;
        while let Some(answer) = answers.join_next().await {
            match answer? {
                Ok(_) => answered += 1,
                Err(error) => eprintln!("{error}"),
            }
        }
        println!("{answered}");
    }
    Ok(())
}
