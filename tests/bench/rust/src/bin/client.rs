//! The benchmark's client: `client SPEC_JSON` connects once, runs the steps over that one client and prints what they took.

use std::cell::Cell;
use std::env;
use std::error::Error;
use std::rc::Rc;
use std::time::Instant;

use oxmcp::client::Connect;
use oxmcp::{Client, Command, ProtocolVersion};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Spec {
    transport: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    url: String,
    protocol: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    op: String,
    n: usize,
    #[serde(default)]
    warmup: usize,
    #[serde(default)]
    inflight: usize,
    #[serde(default)]
    size: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let spec: Spec = serde_json::from_str(&env::args().nth(1).ok_or("usage: client SPEC_JSON")?)?;
    let version = match spec.protocol.as_str() {
        "modern" => ProtocolVersion::V2026_07_28,
        _ => ProtocolVersion::V2025_11_25,
    };
    let started = Instant::now();
    let client = connect(&spec)?.only(version).await?;
    let connect_s = started.elapsed().as_secs_f64();
    let mut steps = Vec::new();
    let local = tokio::task::LocalSet::new();
    for step in &spec.steps {
        steps.push(local.run_until(run(&client, step)).await?);
    }
    println!("{}", json!({"negotiated": client.protocol_version(), "connect_s": connect_s, "steps": steps}));
    client.close().await?;
    Ok(())
}

fn connect(spec: &Spec) -> Result<Connect, Box<dyn Error>> {
    if spec.transport == "http" {
        return Ok(Client::connect(spec.url.as_str()));
    }
    let (program, args) = spec.command.split_first().ok_or("the spec has no command")?;
    Ok(Client::connect(Command::new(program).args(args)))
}

async fn run(client: &Client, step: &Step) -> Result<Value, Box<dyn Error>> {
    match step.op.as_str() {
        "seq" => {
            for _ in 0..step.warmup {
                echo(client).await?;
            }
            let meter = Meter::start();
            let mut latencies = Vec::with_capacity(step.n);
            for _ in 0..step.n {
                let sent = Instant::now();
                echo(client).await?;
                latencies.push((sent.elapsed().as_secs_f64() * 1e7).round() / 10.0);
            }
            let mut report = meter.report(step);
            report["lat_us"] = json!(latencies);
            Ok(report)
        }
        "conc" => {
            let meter = Meter::start();
            let left = Rc::new(Cell::new(step.n));
            let workers: Vec<_> = (0..step.inflight)
                .map(|_| {
                    let (client, left) = (client.clone(), left.clone());
                    tokio::task::spawn_local(async move {
                        while left.get() > 0 {
                            left.set(left.get() - 1);
                            echo(&client).await?;
                        }
                        Ok::<_, oxmcp::Error>(())
                    })
                })
                .collect();
            for worker in workers {
                worker.await??;
            }
            Ok(meter.report(step))
        }
        "blob" => {
            for _ in 0..step.warmup {
                blob(client, step.size).await?;
            }
            let meter = Meter::start();
            for _ in 0..step.n {
                blob(client, step.size).await?;
            }
            Ok(meter.report(step))
        }
        other => Err(format!("unknown step {other}").into()),
    }
}

async fn echo(client: &Client) -> Result<(), oxmcp::Error> {
    let result = client.call_tool("echo", json!({"text": "hello"})).await?;
    assert!(!result.is_error && result.content[0].as_text() == Some("hello"), "{result:?}");
    Ok(())
}

async fn blob(client: &Client, size: usize) -> Result<(), oxmcp::Error> {
    let result = client.call_tool("blob", json!({"size": size})).await?;
    assert!(!result.is_error && result.content[0].as_text().map(str::len) == Some(size));
    Ok(())
}

struct Meter {
    wall: Instant,
    cpu: f64,
}

impl Meter {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_seconds() }
    }

    fn report(&self, step: &Step) -> Value {
        let (elapsed, cpu) = (self.wall.elapsed().as_secs_f64(), cpu_seconds() - self.cpu);
        json!({"op": step.op, "n": step.n, "elapsed_s": elapsed, "cpu_s": cpu})
    }
}

/// The CPU time this process has used.
fn cpu_seconds() -> f64 {
    // SAFETY: the struct is a local that the call fills.
    let time = unsafe {
        let mut time = std::mem::zeroed::<libc::timespec>();
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time);
        time
    };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
