use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use oxmcp::server::Arguments;
use oxmcp::{Client, ErrorKind, ProtocolVersion, Server};
use serde_json::json;
use tokio::sync::watch;

use crate::tally::Tally;

const RESTARTS: usize = 20;
const CALLERS: usize = 8;

/// How often each call had its effect.
type Effects = Arc<Mutex<HashMap<u64, usize>>>;

/// A server whose tool has its effect, and answers later.
fn server(effects: &Effects, begun: &Tally) -> Server {
    let (effects, begun) = (effects.clone(), begun.clone());
    Server::new("faults", "0").tool("effect", "Have an effect.", move |arguments: Arguments| {
        let number = arguments.0.get("number").and_then(serde_json::Value::as_u64).unwrap();
        *effects.lock().unwrap().entry(number).or_default() += 1;
        begun.add();
        async move {
            tokio::time::sleep(Duration::from_millis(number % 5)).await;
            "done"
        }
    })
}

/// Calls on until it is told to stop; says which of its calls were answered.
async fn call_on(client: Client, next: Arc<AtomicU64>, stopped: watch::Receiver<bool>) -> Vec<u64> {
    let mut answered = Vec::new();
    while !*stopped.borrow() {
        let number = next.fetch_add(1, Ordering::SeqCst);
        match client.call_tool("effect", json!({"number": number})).await {
            Ok(result) => {
                assert_eq!(result.joined_text(), "done");
                answered.push(number);
            }
            // Nobody listens for a moment; asking in a loop would keep the server from coming back.
            Err(error) if error.kind() == ErrorKind::Connect => tokio::task::yield_now().await,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Closed, "{error}"),
        }
    }
    answered
}

#[tokio::test]
async fn no_call_has_its_effect_twice_however_often_the_server_restarts() {
    for version in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28] {
        let (effects, begun) = (Effects::default(), Tally::default());
        let mut listening = server(&effects, &begun).listen(0).await.unwrap();
        let port = listening.local_addr().port();
        let client = Client::connect(listening.url()).only(version).await.unwrap();
        let (stop, stopped) = watch::channel(false);
        let next = Arc::new(AtomicU64::new(0));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| tokio::spawn(call_on(client.clone(), next.clone(), stopped.clone())))
            .collect();
        for _ in 0..RESTARTS {
            begun.reaches(begun.now() + 2 * CALLERS).await;
            listening.close_within(Duration::ZERO).await;
            listening = server(&effects, &begun).listen(port).await.unwrap();
        }
        begun.reaches(begun.now() + CALLERS).await;
        stop.send_replace(true);
        let answered: Vec<u64> =
            join_all(callers).await.into_iter().flat_map(|answered| answered.unwrap()).collect();

        let effects = effects.lock().unwrap();
        assert!(effects.values().all(|times| *times == 1), "a call was made twice: {effects:?}");
        assert!(answered.iter().all(|number| effects.contains_key(number)));
        assert!(answered.len() < effects.len(), "no restart met a call");
    }
}
