//! Processes that share their tokens in a file refresh them once for all of them, and never bother the user.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../../core/oxmcp/tests/auth/grantor.rs"]
mod grantor;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../../core/oxmcp/tests/auth/listener.rs"]
mod listener;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../../core/oxmcp/tests/auth/resource.rs"]
mod resource;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use oxmcp::auth::{Authorization, Callback};
use oxmcp::store::FileTokens;
use oxmcp::{Client, ProtocolVersion};
use uuid::Uuid;

use crate::grantor::Grantor;
use crate::resource::Resource;

const PROCESSES: usize = 8;
const CALLS: usize = 50;

/// How often the tokens expire, unless [`EXPIRIES_VARIABLE`] says otherwise.
const EXPIRIES: usize = 10;

const EXPIRIES_VARIABLE: &str = "FAULTS_EXPIRIES";

/// How long a process may take before something must be wrong, on a machine that has much else to do.
const GUARD: Duration = Duration::from_secs(300);

/// A process with a client. It is killed when it is dropped.
struct Process {
    child: Child,
    asks: ChildStdin,
    /// The lines that it writes.
    answers: Receiver<String>,
}

impl Process {
    fn start(url: &str, tokens: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_faults-authorized"))
            .args([url, tokens, &CALLS.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (asks, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (write, answers) = mpsc::channel();
        // It ends with the process.
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| write.send(line))
        });
        Self { child, asks, answers }
    }

    fn says(&mut self, expected: &str) {
        let line = self.answers.recv_timeout(GUARD);
        assert_eq!(line.as_deref(), Ok(expected));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of a test's own, which goes with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn processes_that_share_a_file_refresh_once_for_every_expiry() {
    let expiries = env::var(EXPIRIES_VARIABLE).map_or(EXPIRIES, |count| count.parse().unwrap());
    let folder = Folder(env::temp_dir().join(format!("oxmcp-faults-{}", Uuid::new_v4().simple())));
    let tokens = folder.0.join("tokens.json");
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);

    // The user authorizes once, in a process that has long gone when the others come.
    let granting = grantor.clone();
    let agreeing = Callback::new("com.example.app:/authorized", move |url| {
        let answer = granting.approve(&url);
        async move { Ok(answer) }
    });
    let authorization =
        Authorization::code("Report Builder").store(FileTokens::open(&tokens).unwrap()).user_agent(agreeing);
    let client =
        Client::connect(resource.url()).only(ProtocolVersion::V2026_07_28).authorization(authorization);
    client.await.unwrap().close().await.unwrap();

    let mut processes: Vec<Process> =
        (0..PROCESSES).map(|_| Process::start(resource.url(), tokens.to_str().unwrap())).collect();
    processes.iter_mut().for_each(|process| process.says("connected"));
    for _ in 0..expiries {
        grantor.expire();
        for process in &mut processes {
            process.asks.write_all(b"\n").unwrap();
        }
        processes.iter_mut().for_each(|process| process.says(&CALLS.to_string()));
    }

    let (asked, refreshes, reuses) =
        grantor.ledger(|ledger| (ledger.asked.len(), ledger.refreshes, ledger.reuses));
    assert_eq!(
        (asked, refreshes, reuses),
        (1, expiries, 0),
        "users asked, refreshes, tokens that came twice"
    );
    let posted = grantor.asked_by("refresh_token");
    assert_eq!(posted.len(), expiries);
    assert!(posted.iter().all(|refresh| refresh.field("resource") == resource.url()));
}
