use std::fs;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixSocket, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::acceptor::{Acceptor, Finishing, GRACE, Listener};
use super::socket::without_delay;
use crate::{Error, ErrorKind, Result, Server};

/// How long a client may take for its first byte.
const FIRST_BYTE: Duration = Duration::from_secs(60);

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

impl Server {
    /// Serves newline-delimited messages at an address of this machine, one client per connection, until the returned handle is closed or
    /// dropped. Clients connect to `tcp://127.0.0.1:9000`.
    ///
    /// Nothing on such a connection says who is at its other end, so only loopback addresses are listened on;
    /// [`listen`](Self::listen) is for others. A connection whose first byte begins no message is closed: a web page can make a browser send
    /// a request to any port, and a message in it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// use oxmcp::{Client, Server};
    ///
    /// let listening = Server::new("demo", "1.0.0").listen_tcp("127.0.0.1:0").await?;
    /// let client = Client::connect(listening.url()).await?;
    /// assert_eq!(client.server_info().name, "demo");
    /// listening.close().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Misuse`](ErrorKind::Misuse) if it is no address of a loopback interface with its port; [`Connect`](ErrorKind::Connect) if it cannot
    /// be listened on.
    pub async fn listen_tcp(&self, address: impl AsRef<str>) -> Result<SocketServer> {
        let text = address.as_ref();
        let address: SocketAddr = text.parse().map_err(|_| {
            Error::misuse(format!("{text:?} is no address with a port; write 127.0.0.1:9000"))
        })?;
        if !address.ip().is_loopback() {
            return Err(Error::misuse(format!(
                "listening on {address} is open to other machines, and nothing would say who they are; listen for HTTP, or on 127.0.0.1"
            )));
        }
        let failed = |error| cannot_listen(text, error);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let url = format!("tcp://{}", listener.local_addr().map_err(failed)?);
        Ok(self.accept_from(url, Socket::Tcp(listener)))
    }

    /// Serves newline-delimited messages at a path, one client per connection, until the returned handle is closed or dropped. Clients
    /// connect to `unix:/run/demo.sock`.
    ///
    /// Only the user whom this process runs as can connect. A socket that was left there by a process which is gone is replaced; the handle
    /// removes its own.
    ///
    /// # Errors
    ///
    /// [`Connect`](ErrorKind::Connect) if the path cannot be listened on, for example because another process does.
    pub async fn listen_unix(&self, path: impl AsRef<Path>) -> Result<SocketServer> {
        let path = path.as_ref();
        let text = path.display().to_string();
        let listener = bind(path).await.map_err(|error| cannot_listen(&text, error))?;
        Ok(self.accept_from(format!("unix:{text}"), listener))
    }

    fn accept_from(&self, url: String, listener: Socket) -> SocketServer {
        let acceptor = Acceptor::new(listener, self.core().limits.http_connections);
        let (stop, stopped) = oneshot::channel();
        let server = self.clone();
        let done = tokio::spawn(async move {
            acceptor.run(stopped, |stream, finishing| serve(server.clone(), stream, finishing), || ()).await;
        });
        SocketServer { url, stop, done }
    }
}

fn cannot_listen(address: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::Connect, format!("cannot listen on {address}")).with_source(error)
}

/// Listens at a path, and lets nobody but this user connect.
async fn bind(path: &Path) -> io::Result<Socket> {
    if let Some(left) = SocketFile::at(path) {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => left.remove()?,
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    // Until it listens, nobody can connect.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    let file = OwnSocketFile(SocketFile::at(path));
    Ok(Socket::Unix(socket.listen(BACKLOG)?, file))
}

/// A server that listens on a socket. Dropping it closes it in the background.
#[derive(Debug)]
pub struct SocketServer {
    url: String,
    stop: oneshot::Sender<Duration>,
    done: JoinHandle<()>,
}

impl SocketServer {
    /// Where clients of this machine reach it: what [`Client::connect`](crate::Client::connect) takes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops listening, reads nothing more, and gives the answers to what was read half a second before it cancels the rest.
    pub async fn close(self) {
        let Self { stop, done, .. } = self;
        // On an error it has ended already, with its runtime.
        let _ = stop.send(GRACE);
        let _ = done.await;
    }
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, #[allow(dead_code, reason = "it is there to be dropped")] OwnSocketFile),
}

/// The file of a socket, told from another one at the same path.
#[derive(Debug, PartialEq, Eq)]
struct SocketFile {
    path: PathBuf,
    inode: u64,
    /// When it was made, in seconds and nanoseconds: inodes are used again.
    made: (i64, i64),
}

impl SocketFile {
    /// What is at a path, if it is a socket.
    fn at(path: &Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(path).ok()?;
        let is_socket = metadata.file_type().is_socket();
        let made = (metadata.mtime(), metadata.mtime_nsec());
        is_socket.then(|| Self { path: path.to_owned(), inode: metadata.ino(), made })
    }

    /// Removes it, unless another one is there by now: that of a server which began at the same time.
    fn remove(&self) -> io::Result<()> {
        match Self::at(&self.path) {
            Some(now) if now == *self => fs::remove_file(&self.path),
            Some(_) => Err(io::ErrorKind::AddrInUse.into()),
            None => Ok(()),
        }
    }
}

/// Removes a socket's file when it is dropped.
struct OwnSocketFile(Option<SocketFile>);

impl Drop for OwnSocketFile {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            // It may be another's by now, or gone.
            let _ = file.remove();
        }
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener for Socket {
    type Stream = Stream;

    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
            Self::Unix(listener, _) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

/// Serves one connection to its end.
async fn serve(server: Server, stream: Stream, finishing: Finishing) {
    let ended = match stream {
        Stream::Tcp(stream) => {
            without_delay(&stream);
            if !begins_with_a_message(&stream).await {
                return tracing::warn!("a connection was closed: what came first is no message");
            }
            let (reader, writer) = stream.into_split();
            serve_halves(&server, reader, writer, finishing).await
        }
        Stream::Unix(stream) => {
            let (reader, writer) = stream.into_split();
            serve_halves(&server, reader, writer, finishing).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn serve_halves(
    server: &Server,
    reader: impl AsyncRead + Unpin + Send + 'static,
    writer: impl AsyncWrite + Unpin + Send + 'static,
    finishing: Finishing,
) -> Result<()> {
    server.serve(UntilFinishing { reader, finishing: Some(finishing) }, writer).await
}

/// Whether the first byte that comes can begin a JSON-RPC message, which an HTTP request's cannot.
async fn begins_with_a_message(stream: &TcpStream) -> bool {
    let mut first = [0];
    match tokio::time::timeout(FIRST_BYTE, stream.peek(&mut first)).await {
        Ok(Ok(1..)) => matches!(first[0], b'{' | b'['),
        _ => false,
    }
}

/// A reader that is at its end when the server closes.
struct UntilFinishing<R> {
    reader: R,
    finishing: Option<Finishing>,
}

impl<R: AsyncRead + Unpin> AsyncRead for UntilFinishing<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let is_open =
            self.finishing.as_mut().is_some_and(|finishing| Pin::new(finishing).poll(cx).is_pending());
        if !is_open {
            self.finishing = None;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.reader).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_removes_the_socket_of_who_came_first() {
        let folder = std::env::temp_dir().join(format!("oxmcp-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let stale = SocketFile::at(&path).unwrap();
        // Two servers have found that nobody answers; this is the first.
        let first = bind(&path).await.unwrap();
        assert_eq!(stale.remove().unwrap_err().kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(&path).await.expect("the first one listens");
        drop(first);
        assert!(!path.exists());
        fs::remove_dir(&folder).unwrap();
    }
}
