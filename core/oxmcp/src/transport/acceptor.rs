use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;

/// How long to wait after a connection could not be accepted, for example because the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections of a server, for each one of [`Limits::http_connections`](crate::Limits::http_connections).
const CONNECTIONS_PER_LIMIT: usize = 16;

/// How long what is in flight may take to finish once a server closes.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// Where connections come from.
pub(crate) trait Listener: Send + Sync + 'static {
    /// A connection.
    type Stream: Send;

    /// The next one.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        TcpListener::accept(self).await.map(|(stream, _)| stream)
    }
}

/// What tells a connection to finish: its other end is dropped.
pub(crate) type Finishing = oneshot::Receiver<Infallible>;

/// Accepts connections and serves each in a task of its own, no more at once than there is room for.
pub(crate) struct Acceptor<L> {
    listener: L,
    room: Arc<Semaphore>,
}

impl<L: Listener> Acceptor<L> {
    pub(crate) fn new(listener: L, http_connections: usize) -> Self {
        let connections = http_connections.max(1).saturating_mul(CONNECTIONS_PER_LIMIT);
        Self { listener, room: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))) }
    }

    /// Goes on until `stopped`, which says how long what is in flight may take from then on. Then it accepts no more, tells `closing`, and
    /// returns when all connections have finished or were ended.
    pub(crate) async fn run<F: Future<Output = ()> + Send + 'static>(
        self,
        mut stopped: oneshot::Receiver<Duration>,
        serve: impl Fn(L::Stream, Finishing) -> F,
        closing: impl FnOnce(),
    ) {
        let mut connections = JoinSet::new();
        // Dropping its sender tells a connection to finish.
        let mut finish: FxHashMap<tokio::task::Id, oneshot::Sender<Infallible>> = FxHashMap::default();
        let grace = loop {
            tokio::select! {
                grace = &mut stopped => break grace.unwrap_or(GRACE),
                Some(ended) = connections.join_next_with_id() => {
                    finish.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
                }
                (stream, room) = self.accept() => {
                    let (sender, finishing) = oneshot::channel();
                    let served = serve(stream, finishing);
                    let task = connections.spawn(async move {
                        served.await;
                        drop(room);
                    });
                    finish.insert(task.id(), sender);
                }
            }
        };
        drop(self.listener);
        closing();
        finish.clear();
        let finished = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(grace, finished).await;
        connections.shutdown().await;
    }

    /// The next connection, once there is room for it. Until then it waits in the system's backlog.
    async fn accept(&self) -> (L::Stream, Option<OwnedSemaphorePermit>) {
        // The semaphore is never closed.
        let room = self.room.clone().acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok(stream) => return (stream, room),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
