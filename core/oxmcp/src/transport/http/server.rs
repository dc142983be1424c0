use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::guard::is_loopback;
use super::{HttpOptions, HttpService, connection};
use crate::transport::acceptor::{Acceptor, GRACE};
use crate::{Error, ErrorKind, Result, Server};

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
        let url = format!("http://{}{}", reachable(address), options.path);
        let acceptor = Acceptor::new(listener, service.limits().http_connections);
        let (stop, stopped) = oneshot::channel();
        let done = tokio::spawn(async move {
            let served = |stream, finishing| connection::serve(stream, service.clone(), finishing);
            acceptor.run(stopped, served, || service.end_listening()).await;
            service.end_sessions();
        });
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
