//! `faults-client SPEC`: connects as SPEC says, makes its calls, closes, twice over, and prints what came of it as JSON.

use std::env;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oxmcp::{Client, Command, Error, Limits};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Spec {
    config: Config,
    calls: Vec<Call>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    command: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    url: Option<String>,
    protocol_version: Option<oxmcp::ProtocolVersion>,
    connect_timeout_ms: Option<u64>,
    probe_timeout_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    tool: String,
    arguments: Value,
    timeout_ms: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spec: Spec = serde_json::from_str(&env::args().nth(1).ok_or("usage: faults-client SPEC")?)?;
    let (mut rounds, mut fds) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        rounds.push(round(&spec).await);
        fds.push(settled(|| fs::read_dir("/proc/self/fd").map_or(0, Iterator::count), &fds).await);
    }
    println!("{}", json!({"rounds": rounds, "fds": fds, "children": children()}));
    Ok(())
}

async fn round(spec: &Spec) -> Value {
    let config = &spec.config;
    let noise: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let heard = noise.clone();
    let mut connect = match (&config.command, &config.url) {
        (Some(program), _) => Client::connect(
            Command::new(program).args(&config.args).stderr(oxmcp::transport::Stderr::Null).on_noise(
                move |line| heard.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_vec()),
            ),
        ),
        (None, url) => Client::connect(url.clone().unwrap_or_default()),
    };
    if let Some(version) = config.protocol_version {
        connect = connect.only(version);
    }
    let mut limits = Limits::default();
    if let Some(millis) = config.connect_timeout_ms {
        limits.connect = Duration::from_millis(millis);
    }
    if let Some(millis) = config.probe_timeout_ms {
        limits.probe = Duration::from_millis(millis);
    }
    connect = connect.limits(limits);
    let client = match connect.await {
        Ok(client) => client,
        Err(error) => return json!({"connect": failed(&error)}),
    };
    let before = peak();
    let mut calls = Vec::new();
    for call in &spec.calls {
        let called =
            client.call_tool(&call.tool, &call.arguments).timeout(Duration::from_millis(call.timeout_ms));
        calls.push(match called.await {
            Ok(result) => json!({"isError": result.is_error, "text": result.joined_text()}),
            Err(error) => failed(&error),
        });
    }
    // Closing has nothing to fail with.
    let _ = client.close().await;
    let noise = &*noise.lock().unwrap_or_else(PoisonError::into_inner);
    json!({"connect": {}, "calls": calls, "noise": noise, "growth": peak() - before})
}

fn failed(error: &Error) -> Value {
    let rpc = error.rpc();
    json!({
        "kind": format!("{:?}", error.kind()),
        "message": error.to_string(),
        "code": rpc.map(|rpc| rpc.code),
        "data": rpc.and_then(|rpc| rpc.data.as_ref()),
    })
}

/// The most memory that this process had so far, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// What is released in the background may take a moment: waits until no more is left than before.
async fn settled(count: impl Fn() -> usize, before: &[usize]) -> usize {
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until && before.first().is_some_and(|before| count() > *before) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    count()
}

fn children() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}
