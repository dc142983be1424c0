use std::sync::Arc;
use std::thread;

use oxmcp_bridge::{CallOutcome, Event, EventKind, Queue, Server};

/// Answers with its arguments.
const ECHO: u64 = 1;
/// Fails as a tool does.
const FAIL: u64 = 2;
/// Reports progress three times.
const COUNT: u64 = 3;
/// Never answers.
const NAP: u64 = 4;

/// A server whose tools answer on a thread of their own, as those of a binding do.
pub(crate) struct Toolbox {
    pub(crate) server: Server,
    calls: Arc<Queue>,
}

impl Toolbox {
    pub(crate) fn new() -> Self {
        let calls = Queue::new(None);
        let server = Server::new(r#"{"name": "toolbox", "version": "1.2.3"}"#, &calls).unwrap();
        for (name, target) in [("echo", ECHO), ("fail", FAIL), ("count", COUNT), ("nap", NAP)] {
            server.add_tool(&format!(r#"{{"name": "{name}"}}"#), target).unwrap();
        }
        thread::spawn({
            let (server, calls) = (server.clone(), calls.clone());
            move || {
                while calls.wait(None) {
                    for event in calls.drain(64) {
                        answer(&server, &event);
                    }
                }
            }
        });
        Self { server, calls }
    }

    /// Closes the queue of the calls, as a binding whose event loop is gone does.
    pub(crate) fn stop_answering(&self) {
        self.calls.close();
    }
}

impl Drop for Toolbox {
    fn drop(&mut self) {
        self.stop_answering();
    }
}

fn answer(server: &Server, event: &Event) {
    if event.kind != EventKind::ToolCall {
        return;
    }
    let outcome = match event.target {
        ECHO => CallOutcome::Text(String::from_utf8_lossy(&event.json).into_owned()),
        FAIL => CallOutcome::ToolError("it did not work".to_owned()),
        COUNT => {
            for step in 1..=3 {
                server.progress(event.id, step.into(), Some(3.0), None);
            }
            CallOutcome::Text("3".to_owned())
        }
        _ => return,
    };
    server.respond(event.id, outcome);
}
