//! A server as a binding makes one: tools by definition and number, their calls out of a queue, answers by the call's id.
//!
//! `cargo run -p oxmcp-bridge --example server` serves stdin and stdout.

use std::error::Error;

use oxmcp_bridge::{CallOutcome, Event, EventKind, Queue, Server};

/// Answers with its arguments.
const ECHO: u64 = 1;
/// Reports progress three times.
const COUNT: u64 = 2;
/// Never answers.
const NAP: u64 = 3;
/// Ends the process.
const EXIT: u64 = 4;

/// The operation of serving. A binding has a number for everything that it waits for.
const SERVING: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let queue = Queue::new(None);
    let server = Server::new(r#"{"name": "bridge-example", "version": "0.1.0"}"#, &queue)?;
    for (name, target) in [("echo", ECHO), ("count", COUNT), ("nap", NAP), ("exit", EXIT)] {
        server.add_tool(&format!(r#"{{"name": "{name}"}}"#), target)?;
    }
    server.serve_stdio(SERVING, &queue);
    loop {
        queue.wait(None);
        for event in queue.drain(64) {
            match event.kind {
                EventKind::Completed if event.id == SERVING => return Ok(()),
                EventKind::Failed => return Err(String::from_utf8_lossy(&event.json).into()),
                EventKind::ToolCall => run(&server, &event),
                _ => {}
            }
        }
    }
}

fn run(server: &Server, call: &Event) {
    match call.target {
        ECHO => {
            server.respond(call.id, CallOutcome::Text(String::from_utf8_lossy(&call.json).into_owned()));
        }
        COUNT => {
            for step in 1..=3 {
                server.progress(call.id, step.into(), Some(3.0), Some("counting"));
            }
            server.respond(call.id, CallOutcome::Text("3".to_owned()));
        }
        EXIT => std::process::exit(7),
        // The nap is forgotten when the peer no longer waits.
        _ => {}
    }
}
