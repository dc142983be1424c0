use std::sync::Arc;

use futures_util::future::join_all;
use oxmcp::client::Target;
use oxmcp::server::Arguments;
use oxmcp::{Client, Context, ProtocolVersion, Server};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::tally::Tally;

const CALLS: usize = 1000;
const STEPS: usize = 100;

/// What a slow reader takes at once, in bytes.
const SLOW_PIPE: usize = 256;

/// A server whose `busy` tool reports progress, asks the client back if it is told to, and waits at a gate.
fn server(arrived: &Tally, gate: &Arc<Semaphore>) -> Server {
    let (arrived, gate) = (arrived.clone(), gate.clone());
    Server::new("faults", "0").tool("trivial", "Do nothing.", || async { "done" }).tool(
        "busy",
        "Much ado.",
        move |arguments: Arguments, context: Context| {
            let (arrived, gate) = (arrived.clone(), gate.clone());
            async move {
                if arguments.0.get("ask").is_some() {
                    let roots = context.list_roots().await.unwrap();
                    assert_eq!(roots.len(), 1);
                }
                for step in 1..=STEPS {
                    assert!(context.progress(step as f64, Some(STEPS as f64), None), "progress was dropped");
                    if step % 10 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                arrived.add();
                let _ = gate.acquire().await;
                "through"
            }
        },
    )
}

/// Makes a thousand calls of a server that is reached as `target` says.
async fn crowd(target: impl Fn(Server) -> Target) {
    for version in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28] {
        let (arrived, gate, heard) = (Tally::default(), Arc::new(Semaphore::new(0)), Tally::default());
        let root = oxmcp::model::Root::new("file:///crowd");
        let target = target(server(&arrived, &gate));
        let client = Client::connect(target).roots([root]).only(version).await.unwrap();
        let calls = (0..CALLS).map(|number| {
            let hear = heard.clone();
            let arguments = if number % 2 == 0 { json!({"ask": true}) } else { json!({}) };
            client.call_tool("busy", arguments).on_progress(move |_| hear.add()).into_future()
        });
        let calls = tokio::spawn(join_all(calls));

        // While all of them are in flight, another is not held up: it would never come back otherwise.
        arrived.reaches(CALLS).await;
        let trivial = client.call_tool("trivial", json!({})).await.unwrap();
        assert_eq!(trivial.joined_text(), "done");
        assert!(!calls.is_finished());

        gate.add_permits(Semaphore::MAX_PERMITS);
        for called in calls.await.unwrap() {
            assert_eq!(called.unwrap().joined_text(), "through");
        }
        assert_eq!(heard.now(), CALLS * STEPS);
    }
}

#[tokio::test]
async fn a_thousand_calls_that_report_and_ask_back_are_in_nobodys_way() {
    crowd(Target::from).await;
}

/// Everything that is written has to wait for its reader.
#[tokio::test]
async fn nor_are_they_where_both_sides_are_slow_to_read() {
    crowd(|server| {
        let (ours, theirs) = tokio::io::duplex(SLOW_PIPE);
        let (reader, writer) = tokio::io::split(theirs);
        tokio::spawn(async move { server.serve(reader, writer).await });
        tokio::io::split(ours).into()
    })
    .await;
}
