//! A server whose tools show what becomes of them.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oxmcp::server::Arguments;
use oxmcp::transport::{HttpOptions, HttpServer};
use oxmcp::{Context, Limits, Server};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::wire::PATIENCE;

/// A server that listens, and what its tools did.
pub(crate) struct Fixture {
    pub(crate) server: HttpServer,
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
}

/// What the tools did.
#[derive(Default)]
pub(crate) struct Seen {
    started: AtomicUsize,
    dropped: AtomicUsize,
    finished: AtomicUsize,
    changed: Notify,
    /// Lets `gate` finish.
    pub(crate) gate: Notify,
}

#[derive(Deserialize, JsonSchema)]
struct Echo {
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Blob {
    size: usize,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default(), HttpOptions::default()).await
    }

    pub(crate) async fn with(limits: Limits, options: HttpOptions) -> Self {
        let seen = Arc::<Seen>::default();
        let server = server(&seen).limits(limits).listen(options).await.unwrap();
        Self { address: server.local_addr(), server, seen }
    }
}

fn server(seen: &Arc<Seen>) -> Server {
    let waits = {
        let seen = seen.clone();
        move |_: Arguments| {
            let running = Running::new(&seen);
            async move {
                pending::<()>().await;
                running.finish();
            }
        }
    };
    let gate = {
        let seen = seen.clone();
        move |_: Arguments, context: Context| {
            let running = Running::new(&seen);
            async move {
                context.progress(1.0, None, Some("at the gate"));
                running.seen.gate.notified().await;
                running.finish();
                "through the gate"
            }
        }
    };
    let polled = {
        let seen = seen.clone();
        move |_: Arguments, context: Context| {
            let running = Running::new(&seen);
            async move {
                let closed = context.close_stream();
                running.seen.gate.notified().await;
                context.progress(1.0, None, Some("at the gate"));
                running.finish();
                format!("closed: {closed}")
            }
        }
    };
    let polled_blob = {
        let seen = seen.clone();
        move |Blob { size }: Blob, context: Context| {
            let running = Running::new(&seen);
            async move {
                context.close_stream();
                running.seen.gate.notified().await;
                running.finish();
                "x".repeat(size)
            }
        }
    };
    Server::new("wire", "1.0.0")
        .tool("echo", "Says it again.", |Echo { text }: Echo| async move { text })
        .tool("grüße", "Has a name that no header can hold.", |_: Arguments| async move { "hallo" })
        .tool("blob", "Says much.", |Blob { size }: Blob| async move { "x".repeat(size) })
        .tool("panic", "Panics.", |_: Arguments| async move {
            if true {
                panic!("on purpose");
            }
        })
        .tool("waits", "Never ends.", waits)
        .tool("gate", "Reports progress, then waits for the gate.", gate)
        .tool("polled", "Closes its stream, then waits for the gate.", polled)
        .tool("polled_blob", "Closes its stream, waits for the gate, and says much.", polled_blob)
        .tool("steps", "Reports progress three times.", |_: Arguments, context: Context| async move {
            for step in 1..=3 {
                context.progress(f64::from(step), Some(3.0), None);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            "done"
        })
        .tool(
            "flood",
            "Reports progress until nobody keeps up.",
            |_: Arguments, context: Context| async move {
                let message = "x".repeat(1000);
                let taken =
                    (1..=100_000).take_while(|at| context.progress(f64::from(*at), None, Some(&message)));
                taken.count().to_string()
            },
        )
}

/// Counts a handler's start, and its end or drop.
struct Running {
    seen: Arc<Seen>,
    finished: bool,
}

impl Running {
    fn new(seen: &Arc<Seen>) -> Self {
        seen.started.fetch_add(1, Ordering::SeqCst);
        seen.changed.notify_waiters();
        Self { seen: seen.clone(), finished: false }
    }

    fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let count = if self.finished { &self.seen.finished } else { &self.seen.dropped };
        count.fetch_add(1, Ordering::SeqCst);
        self.seen.changed.notify_waiters();
    }
}

impl Seen {
    /// Waits until so many handlers have started.
    pub(crate) async fn started(&self, count: usize) {
        self.until(&self.started, count).await;
    }

    /// Waits until so many handlers were dropped before their end.
    pub(crate) async fn dropped(&self, count: usize) {
        self.until(&self.dropped, count).await;
    }

    /// Waits until so many handlers came to their end.
    pub(crate) async fn finished(&self, count: usize) {
        self.until(&self.finished, count).await;
    }

    pub(crate) fn dropped_so_far(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    async fn until(&self, counter: &AtomicUsize, count: usize) {
        let reached = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if counter.load(Ordering::SeqCst) >= count {
                    return;
                }
                changed.await;
            }
        };
        timeout(PATIENCE, reached).await.expect("the handlers did not get there");
    }
}
