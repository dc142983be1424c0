use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::guard::is_loopback;
use super::{HttpOptions, HttpService, connection};
use crate::{Error, ErrorKind, Result, Server};

/// How long what is in flight may take to finish once the server closes.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait after a connection could not be accepted, for example because the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections of a server, for each one of [`Limits::http_connections`](crate::Limits::http_connections).
const CONNECTIONS_PER_LIMIT: usize = 16;

impl Server {
    /// Serves Streamable HTTP until the returned handle is closed or dropped. All revisions are served at once.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// use oxmcp::Server;
    /// use oxmcp::transport::HttpOptions;
    ///
    /// let listening = Server::new("demo", "1.0.0").listen(HttpOptions::default()).await?;
    /// assert!(listening.url().starts_with("http://127.0.0.1:"));
    /// listening.close().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Misuse`](ErrorKind::Misuse) if the host is not loopback and no [`allowed_hosts`](HttpOptions::allowed_hosts) are given, or an
    /// option makes no sense; [`Connect`](ErrorKind::Connect) if the address cannot be listened on.
    pub async fn listen(&self, options: impl Into<HttpOptions>) -> Result<HttpServer> {
        let options = options.into();
        let host = options.host.trim_start_matches('[').trim_end_matches(']');
        if !is_loopback(host) && options.allowed_hosts.is_empty() {
            return Err(Error::misuse(format!(
                "listening on {host:?} is open to other machines, and to web pages by DNS rebinding; say in allowed_hosts by which \
                 names clients reach the server, or listen on 127.0.0.1"
            )));
        }
        if !options.path.starts_with('/') {
            return Err(Error::misuse(format!("the path {:?} does not begin with a slash", options.path)));
        }
        let service = HttpService::new(self, &options, Some(&options.path))?;
        let failed = |error: std::io::Error| {
            let message = format!("cannot listen on {host} port {}", options.port);
            Error::new(ErrorKind::Connect, message).with_source(error)
        };
        let listener = TcpListener::bind((host, options.port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let connections = service.limits().http_connections.max(1).saturating_mul(CONNECTIONS_PER_LIMIT);
        let url = format!("http://{}{}", reachable(address), options.path);
        let listening = Listening {
            listener,
            service,
            room: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))),
        };
        let (stop, stopped) = oneshot::channel();
        let done = tokio::spawn(listening.run(stopped));
        Ok(HttpServer { url, address, stop, done })
    }
}

/// The address by which clients of this machine reach a listener.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// A server that listens for HTTP. Dropping it closes it in the background.
#[derive(Debug)]
pub struct HttpServer {
    url: String,
    address: SocketAddr,
    stop: oneshot::Sender<Duration>,
    done: JoinHandle<()>,
}

impl HttpServer {
    /// Where clients of this machine reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, gives what is in flight two seconds to finish, cancels the rest, and ends all sessions.
    pub async fn close(self) {
        self.close_within(GRACE).await;
    }

    /// The same with another time for what is in flight.
    pub async fn close_within(self, grace: Duration) {
        let Self { stop, done, .. } = self;
        // On an error it has ended already, with its runtime.
        let _ = stop.send(grace);
        let _ = done.await;
    }
}

struct Listening {
    listener: TcpListener,
    service: HttpService,
    room: Arc<Semaphore>,
}

impl Listening {
    async fn run(self, mut stopped: oneshot::Receiver<Duration>) {
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
                    let service = self.service.clone();
                    let task = connections.spawn(async move {
                        let _room = room;
                        connection::serve(stream, service, finishing).await;
                    });
                    finish.insert(task.id(), sender);
                }
            }
        };
        drop(self.listener);
        self.service.end_listening();
        finish.clear();
        let finished = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(grace, finished).await;
        connections.shutdown().await;
        self.service.end_sessions();
    }

    /// The next connection, once there is room for it. Until then it waits in the system's backlog.
    async fn accept(&self) -> (TcpStream, Option<OwnedSemaphorePermit>) {
        // The semaphore is never closed.
        let room = self.room.clone().acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return (stream, room),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
