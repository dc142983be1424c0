//! A server that takes the tokens of a grantor, and answers on a thread of its own, as a binding does.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use oxmcp_bridge::{Answer, CallOutcome, Event, EventKind, Queue, Server, ToolOptions};
use serde_json::{Value, json};

use crate::binding::says;
use crate::grantor::{Books, Grantor};

/// Answers with what is known of who calls.
const WHO: u64 = 1;

pub(crate) struct Guarded {
    pub(crate) grantor: Grantor,
    pub(crate) url: String,
    server: Server,
    calls: Arc<Queue>,
}

impl Guarded {
    pub(crate) fn new() -> Self {
        Self::with(&json!({}))
    }

    /// The same with more in its protection.
    pub(crate) fn with(more: &Value) -> Self {
        let grantor = Grantor::new();
        let calls = Queue::with_questions(None);
        let server = Server::new(r#"{"name": "guarded", "version": "1"}"#, &calls).unwrap();
        server.add_tool(r#"{"name": "who"}"#, WHO).unwrap();
        let scopes = vec!["files:write".to_owned()];
        server.add_tool_with(r#"{"name": "write"}"#, ToolOptions { scopes }, WHO).unwrap();
        let mut protection = json!({"authorizationServers": [grantor.issuer()], "verify": true});
        for (name, value) in more.as_object().unwrap() {
            protection[name] = value.clone();
        }
        let url = listen(&server, &calls, protection);
        thread::spawn({
            let (server, calls, books) = (server.clone(), calls.clone(), grantor.books());
            move || {
                while calls.wait(None) {
                    calls.drain(64).iter().for_each(|event| answer(&server, &calls, &books, event));
                }
            }
        });
        Self { grantor, url, server, calls }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.server.close(0, &Queue::new(None));
        self.calls.close();
    }
}

/// Has a server listen that is protected so, and gives its URL.
pub(crate) fn listen(server: &Server, queue: &Arc<Queue>, protection: Value) -> String {
    // Its URL has to be known before it listens, and a port that was free a moment ago may be somebody's by then.
    for id in 1_000_000.. {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}/mcp");
        let mut protection = protection.clone();
        protection["resource"] = url.as_str().into();
        let config = json!({"port": port, "protection": protection});
        server.listen_http(&config.to_string(), id, queue);
        assert!(queue.wait(None));
        let event = queue.drain(1).remove(0);
        assert_eq!(event.id, id);
        match event.kind {
            EventKind::Completed => return url,
            _ => assert_eq!(says(&event)["kind"], "Connect", "{event:?}"),
        }
    }
    unreachable!("there is a free port")
}

fn answer(server: &Server, calls: &Queue, books: &Books, event: &Event) {
    match event.kind {
        EventKind::Question => {
            let question = says(event);
            assert_eq!(question["ask"], "verifyToken");
            let answer = match books.claims(question["token"].as_str().unwrap()) {
                Some(claims) => Answer::Given(claims.to_string().into()),
                None => Answer::Refused("nobody has issued it".to_owned()),
            };
            calls.answer(event.id, answer);
        }
        EventKind::ToolCall => {
            // A caller that is gone has no context.
            let context = server.call_context(event.id).unwrap_or_default();
            let context: Value = serde_json::from_slice(&context).unwrap_or_default();
            server.respond(event.id, CallOutcome::Text(context["auth"].to_string()));
        }
        _ => {}
    }
}
