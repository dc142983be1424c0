//! How long a call may take by default, on a clock that goes on when nothing else does.

use std::future::pending;
use std::time::Duration;

use oxmcp::server::Arguments;
use oxmcp::{Client, Context, ErrorKind, Limits, Server};
use serde_json::json;
use tokio::time::{Instant, sleep};

fn server() -> Server {
    Server::new("faults", "0")
        .tool("slow", "Takes ten minutes, and says so.", |_: Arguments, context: Context| async move {
            for step in 1..=30 {
                sleep(Duration::from_secs(20)).await;
                context.progress(f64::from(step), Some(30.0), None);
            }
            "done"
        })
        .tool("endless", "Takes for ever, and says so.", |_: Arguments, context: Context| async move {
            for step in 1.. {
                sleep(Duration::from_secs(20)).await;
                context.progress(f64::from(step), None, None);
            }
        })
        .tool("silent", "Takes for ever.", || async { pending::<()>().await })
}

#[tokio::test(start_paused = true)]
async fn a_slow_tool_that_says_so_is_waited_for_and_a_silent_one_is_not() {
    let client = Client::connect(server()).await.unwrap();
    // Nobody needs to hear of its progress for that.
    let slow = client.call_tool("slow", json!({})).await.unwrap();
    assert_eq!(slow.joined_text(), "done");

    let begun = Instant::now();
    let silent = client.call_tool("silent", json!({})).await.unwrap_err();
    assert_eq!(silent.kind(), ErrorKind::Timeout);
    assert_eq!(begun.elapsed().as_secs(), Limits::default().call_silence.as_secs());
}

#[tokio::test(start_paused = true)]
async fn progress_keeps_no_call_alive_past_the_longest_a_call_may_take() {
    let client = Client::connect(server()).await.unwrap();
    let begun = Instant::now();
    let endless = client.call_tool("endless", json!({})).await.unwrap_err();
    assert_eq!(endless.kind(), ErrorKind::Timeout);
    assert_eq!(begun.elapsed().as_secs(), Limits::default().call_total.as_secs());
    client.ping().await.unwrap();
}
