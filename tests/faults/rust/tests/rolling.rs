use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use oxmcp::server::{Arguments, tool};
use oxmcp::transport::HttpServer;
use oxmcp::{Client, ProtocolVersion, Server};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::tally::Tally;

const INSTANCES: usize = 3;
const RESTARTS: usize = 6;
const CALLERS: usize = 8;

/// The time between two calls of a caller: all of them together make about a hundred a second.
const PACE: Duration = Duration::from_millis(80);

/// What all instances have done.
#[derive(Clone, Default)]
struct Seen {
    /// How often the effect of each call was had.
    effects: Arc<Mutex<HashMap<u64, usize>>>,
    /// How many calls each instance has begun that wait to be let go, of each tool.
    waiting: [[Tally; 2]; INSTANCES],
    looks: Tally,
}

/// One of several servers that are the same: a tool that only looks, one that has an effect, and a resource. A call may ask to be answered
/// only when so many restarts are over.
fn server(at: usize, seen: &Seen, restarts: &watch::Receiver<u64>) -> Server {
    let number =
        |arguments: &Arguments, name: &str| arguments.0.get(name).and_then(serde_json::Value::as_u64);
    let answer = {
        let (seen, restarts) = (seen.clone(), restarts.clone());
        move |arguments: &Arguments, which: usize| {
            let until = number(arguments, "until");
            let mut restarts = restarts.clone();
            if until.is_some() {
                seen.waiting[at][which].add();
            }
            async move {
                let _ = restarts.wait_for(|over| until.is_none_or(|until| *over >= until)).await;
                "done"
            }
        }
    };
    let (look, effect) = (answer.clone(), answer);
    let (looks, effects) = (seen.looks.clone(), seen.effects.clone());
    let server = Server::new("faults", "0").resource("faults:text", "text", || async { "done" });
    let look = move |arguments: Arguments| {
        looks.add();
        look(&arguments, 0)
    };
    let effect = move |arguments: Arguments| {
        let number = number(&arguments, "number").unwrap();
        *effects.lock().unwrap().entry(number).or_default() += 1;
        effect(&arguments, 1)
    };
    server.add(tool("look", look).read_only()).unwrap();
    server.add(tool("effect", effect)).unwrap();
    server
}

/// Carries connections to whichever instance takes them, one after the other, like a balancer in front of them.
async fn balance(listener: TcpListener, ports: [u16; INSTANCES]) {
    let mut turn = 0;
    while let Ok((mut near, _)) = listener.accept().await {
        turn += 1;
        tokio::spawn(async move {
            for offset in 0..INSTANCES {
                let port = ports[(turn + offset) % INSTANCES];
                if let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await {
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    return;
                }
            }
        });
    }
}

/// What became of a call that has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// An error after which it may have run.
    Unknown,
    /// One that says that it has not.
    Undone,
}

#[derive(Clone)]
struct Caller {
    client: Client,
    next: Arc<AtomicU64>,
}

impl Caller {
    /// Makes the call that has an effect.
    async fn effect(&self, until: Option<u64>) -> (u64, Outcome) {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let arguments = json!({"number": number, "until": until});
        match self.client.call_tool("effect", arguments).await {
            Ok(_) => (number, Outcome::Done),
            Err(error) if error.may_have_run() => (number, Outcome::Unknown),
            Err(_) => (number, Outcome::Undone),
        }
    }

    /// Makes the call that has none, and must not fail.
    async fn look(&self, until: Option<u64>) {
        let looked = self.client.call_tool("look", json!({"until": until})).await.unwrap();
        assert_eq!(looked.joined_text(), "done");
    }

    /// Calls on until it is told to stop; says what became of the calls that have an effect.
    async fn call_on(self, settled: Tally, stopped: watch::Receiver<bool>) -> Vec<(u64, Outcome)> {
        let mut outcomes = Vec::new();
        while !*stopped.borrow() {
            outcomes.push(self.effect(None).await);
            settled.add();
            tokio::time::sleep(PACE).await;
            self.look(None).await;
            settled.add();
            tokio::time::sleep(PACE).await;
            self.client.read_resource("faults:text").no_cache().await.unwrap();
            settled.add();
            tokio::time::sleep(PACE).await;
        }
        outcomes
    }

    /// Makes calls of both tools until an instance is at work on one of each that waits.
    async fn occupy(
        &self,
        instance: &[Tally; 2],
        until: u64,
    ) -> (Vec<JoinHandle<()>>, Vec<JoinHandle<(u64, Outcome)>>) {
        let before = [instance[0].now(), instance[1].now()];
        let (mut looks, mut effects) = (Vec::new(), Vec::new());
        while instance[0].now() == before[0] || instance[1].now() == before[1] {
            let (first, second) = (self.clone(), self.clone());
            looks.push(tokio::spawn(async move { first.look(Some(until)).await }));
            effects.push(tokio::spawn(async move { second.effect(Some(until)).await }));
            tokio::time::sleep(PACE).await;
        }
        (looks, effects)
    }
}

#[tokio::test]
async fn a_rolling_restart_fails_no_call_that_may_be_made_twice_and_repeats_no_other() {
    let seen = Seen::default();
    let (over, restarts) = watch::channel(0);
    let mut instances: Vec<Option<HttpServer>> = Vec::new();
    for at in 0..INSTANCES {
        instances.push(Some(server(at, &seen, &restarts).listen(0).await.unwrap()));
    }
    let ports = [0, 1, 2].map(|at: usize| instances[at].as_ref().unwrap().local_addr().port());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let balancer = tokio::spawn(balance(listener, ports));

    let client = Client::connect(url).only(ProtocolVersion::V2026_07_28).await.unwrap();
    client.list_tools().await.unwrap();
    let caller = Caller { client, next: Arc::default() };
    let (stop, stopped) = watch::channel(false);
    let settled: Vec<Tally> = (0..CALLERS).map(|_| Tally::default()).collect();
    let callers: Vec<_> = settled
        .iter()
        .map(|settled| tokio::spawn(caller.clone().call_on(settled.clone(), stopped.clone())))
        .collect();
    // Whatever an instance took with it has settled before the next one goes.
    let everybody_is_further = async || {
        for settled in &settled {
            settled.reaches(settled.now() + 2).await;
        }
    };
    let (mut outcomes, mut lost) = (Vec::new(), 0);
    for restart in 1..=RESTARTS {
        let at = restart % INSTANCES;
        let (looks, effects) = caller.occupy(&seen.waiting[at], restart as u64).await;
        let looked = seen.looks.now();
        instances[at].take().unwrap().close_within(Duration::ZERO).await;
        everybody_is_further().await;
        over.send_replace(restart as u64);
        for look in looks {
            look.await.unwrap();
        }
        assert!(seen.looks.now() > looked);
        let ended: Vec<_> = join_all(effects).await.into_iter().map(Result::unwrap).collect();
        lost += ended.iter().filter(|(_, outcome)| *outcome == Outcome::Unknown).count();
        outcomes.extend(ended);
        instances[at] = Some(server(at, &seen, &restarts).listen(ports[at]).await.unwrap());
    }
    assert!(lost >= RESTARTS, "each restart met a call that had its effect, and not {lost} in all");
    stop.send_replace(true);
    for caller in join_all(callers).await {
        outcomes.extend(caller.unwrap());
    }
    balancer.abort();

    let effects = seen.effects.lock().unwrap();
    for (number, outcome) in outcomes {
        let times = effects.get(&number).copied().unwrap_or_default();
        match outcome {
            Outcome::Done => assert_eq!(times, 1, "call {number}"),
            Outcome::Unknown => assert!(times <= 1, "call {number} had its effect {times} times"),
            Outcome::Undone => assert_eq!(times, 0, "call {number}"),
        }
    }
}
