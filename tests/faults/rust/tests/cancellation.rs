use std::future::pending;
use std::time::Duration;

use futures_util::future::join_all;
use oxmcp::{Client, ErrorKind, ProtocolVersion, Server};
use serde_json::json;

use crate::tally::{CountDrop, Tally};

const ERAS: [ProtocolVersion; 2] = [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];

const CALLS: usize = 1000;

/// A client over HTTP holds 64 connections at most, and a call that has none has not begun.
const AT_ONCE: usize = 50;

/// A server whose tool never ends, and counts how often it began and was dropped.
fn server() -> (Server, Tally, Tally) {
    let (begun, dropped) = (Tally::default(), Tally::default());
    let counts = (begun.clone(), dropped.clone());
    let server = Server::new("faults", "0").tool("wait", "Wait for ever.", move || {
        counts.0.add();
        let running = CountDrop(counts.1.clone());
        async move {
            pending::<()>().await;
            drop(running);
        }
    });
    (server, begun, dropped)
}

/// Makes calls that nobody waits for any longer once they have begun.
async fn make_and_drop_calls(client: &Client, begun: &Tally, dropped: &Tally) {
    for round in 1..=CALLS / AT_ONCE {
        let calls = join_all((0..AT_ONCE).map(|_| client.call_tool("wait", json!({})).into_future()));
        tokio::select! {
            _ = calls => panic!("a call ended"),
            () = begun.reaches(round * AT_ONCE) => {}
        }
        dropped.reaches(round * AT_ONCE).await;
    }
    assert_eq!((begun.now(), dropped.now()), (CALLS, CALLS));
    client.ping().await.unwrap();
}

#[tokio::test]
async fn handlers_whose_calls_are_dropped_are_dropped_in_memory() {
    for version in ERAS {
        let (server, begun, dropped) = server();
        let client = Client::connect(server).only(version).await.unwrap();
        make_and_drop_calls(&client, &begun, &dropped).await;
    }
}

#[tokio::test]
async fn handlers_whose_calls_are_dropped_are_dropped_over_http() {
    for version in ERAS {
        let (server, begun, dropped) = server();
        let listening = server.listen(0).await.unwrap();
        let client = Client::connect(listening.url()).only(version).await.unwrap();
        make_and_drop_calls(&client, &begun, &dropped).await;
        client.close().await.unwrap();
        listening.close().await;
    }
}

/// The clock goes on when nothing else does: when all of them have begun.
#[tokio::test(start_paused = true)]
async fn handlers_whose_calls_time_out_are_dropped() {
    for version in ERAS {
        let (server, begun, dropped) = server();
        let client = Client::connect(server).only(version).await.unwrap();
        let patience = Duration::from_secs(1);
        let calls = (0..CALLS).map(|_| client.call_tool("wait", json!({})).timeout(patience).into_future());
        for called in join_all(calls).await {
            assert_eq!(called.unwrap_err().kind(), ErrorKind::Timeout);
        }
        client.ping().await.unwrap();
        dropped.reaches(CALLS).await;
        assert_eq!((begun.now(), dropped.now()), (CALLS, CALLS));
    }
}
