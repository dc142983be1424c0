//! Clients are closed and dropped wherever a program happens to be, in an order that nobody planned: nothing panics, no call waits on, and
//! no process, no file descriptor is left.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::fs;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use oxmcp::client::{Connect, Target};
use oxmcp::server::Arguments;
use oxmcp::{Client, Command, ErrorKind, ProtocolVersion, Server};
use serde_json::json;
use tokio::runtime::Runtime;

/// After this, something is taken never to come.
const GUARD: Duration = Duration::from_secs(60);

/// How a client reaches its server.
#[derive(Clone, Copy, Debug)]
enum Reach {
    Memory,
    Stream,
    Http,
    HttpSession,
    Process,
}

const REACHES: [Reach; 5] = [Reach::Memory, Reach::Stream, Reach::Http, Reach::HttpSession, Reach::Process];

/// Where a client is closed or dropped.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Closed in another task.
    Task,
    /// Closed in another runtime, on another thread.
    OtherRuntime,
    /// Dropped on a thread without a runtime.
    Thread,
    /// Dropped when a thread ends, by what cleans up after it.
    ThreadEnd,
    /// Dropped with a task, when its runtime is shut down.
    RuntimeEnd,
}

const PLACES: [Place; 5] =
    [Place::Task, Place::OtherRuntime, Place::Thread, Place::ThreadEnd, Place::RuntimeEnd];

fn server() -> Server {
    Server::new("faults", "0").tool("sleep", "Sleep for ever.", |_: Arguments| pending::<()>())
}

fn connect(reach: Reach, url: &str) -> Connect {
    match reach {
        Reach::Memory => Client::connect(server()),
        Reach::Stream => {
            let (ours, theirs) = tokio::io::duplex(1024);
            let (reader, writer) = tokio::io::split(theirs);
            tokio::spawn(async move { server().serve(reader, writer).await });
            Client::connect(Target::from(tokio::io::split(ours)))
        }
        Reach::Http => Client::connect(url).only(ProtocolVersion::V2026_07_28),
        Reach::HttpSession => Client::connect(url).only(ProtocolVersion::V2025_11_25),
        Reach::Process => Client::connect(Command::new(env!("CARGO_BIN_EXE_faults-server"))),
    }
}

thread_local! {
    static UNTIL_THREAD_END: RefCell<Option<Client>> = const { RefCell::new(None) };
}

fn small_runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn leave(client: Client, place: Place, runtime: &Runtime) {
    let left = match place {
        Place::Task => {
            return runtime.block_on(runtime.spawn(async move { client.close().await })).unwrap().unwrap();
        }
        Place::OtherRuntime => {
            thread::spawn(|| small_runtime().block_on(async move { client.close().await.unwrap() }))
        }
        Place::Thread => thread::spawn(|| drop(client)),
        Place::ThreadEnd => thread::spawn(|| UNTIL_THREAD_END.set(Some(client))),
        Place::RuntimeEnd => thread::spawn(|| {
            let dying = small_runtime();
            dying.spawn(async move {
                let _client = client;
                pending::<()>().await
            });
            dying.block_on(tokio::task::yield_now());
        }),
    };
    left.join().unwrap();
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The children of this process that run.
fn children() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let is_running = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    };
    lists.map(|list| list.split_whitespace().filter(|pid| is_running(pid)).count()).sum()
}

/// Waits until there are no more children and files than these.
fn await_no_more_than(files: usize) {
    let until = Instant::now() + GUARD;
    while children() > 0 || open_files() > files {
        assert!(Instant::now() < until, "{} children and {} files of {files}", children(), open_files());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn clients_may_be_closed_and_dropped_anywhere() {
    let panics = Arc::<AtomicUsize>::default();
    let (count, report) = (panics.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        count.fetch_add(1, Ordering::SeqCst);
        report(panic);
    }));
    // From the first process on, for good, there is something that hears of their ends.
    let first = Runtime::new().unwrap();
    let client = first.block_on(async { connect(Reach::Process, "").await }).unwrap();
    first.block_on(client.close()).unwrap();
    drop(first);
    let files_at_first = open_files();

    let runtime = Runtime::new().unwrap();
    let listening = runtime.block_on(server().listen(0)).unwrap();
    let connected = |reach| {
        let client = runtime.block_on(async { connect(reach, listening.url()).await }).unwrap();
        assert!(!client.server_info().name.is_empty());
        client
    };

    // What is made once is made.
    for reach in REACHES {
        leave(connected(reach), Place::Task, &runtime);
    }
    await_no_more_than(usize::MAX);
    let files = open_files();

    let cases: Vec<_> = REACHES.into_iter().flat_map(|reach| PLACES.map(|place| (reach, place))).collect();
    let mut clients: Vec<_> = cases
        .iter()
        .map(|(reach, place)| {
            let client = connected(*reach);
            let closes = matches!(place, Place::Task | Place::OtherRuntime);
            // A call keeps its client open, unless that is closed.
            let call = closes
                .then(|| runtime.spawn(client.call_tool("sleep", json!({"ms": 3_600_000})).into_future()));
            Some((client, call))
        })
        .collect();
    for number in 0..cases.len() {
        // Any order will do in which neighbours are apart.
        let at = number * 7 % cases.len();
        let (client, call) = clients[at].take().unwrap();
        leave(client, cases[at].1, &runtime);
        if let Some(call) = call {
            let settled = runtime.block_on(call).unwrap().unwrap_err();
            assert_eq!(settled.kind(), ErrorKind::Closed, "{:?}", cases[at]);
        }
    }
    await_no_more_than(files);

    // What a program still holds when it ends.
    let clients = REACHES.map(connected);
    runtime.block_on(listening.close());
    drop(runtime);
    drop(clients);
    await_no_more_than(files_at_first);
    assert_eq!(panics.load(Ordering::SeqCst), 0);
}
