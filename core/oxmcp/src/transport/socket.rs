use std::path::Path;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::{Error, ErrorKind, Result};

/// The two halves of a stream of bytes.
pub(crate) type Halves = (Pin<Box<dyn AsyncRead + Send>>, Pin<Box<dyn AsyncWrite + Send>>);

/// Connects to a server at `host:port`.
pub(crate) async fn connect_tcp(address: &str) -> Result<Halves> {
    let stream = TcpStream::connect(address).await.map_err(|error| unreachable(address, error))?;
    without_delay(&stream);
    let (reader, writer) = stream.into_split();
    Ok((Box::pin(reader), Box::pin(writer)))
}

/// Connects to a server at a path.
pub(crate) async fn connect_unix(path: &Path) -> Result<Halves> {
    let stream =
        UnixStream::connect(path).await.map_err(|error| unreachable(&path.display().to_string(), error))?;
    let (reader, writer) = stream.into_split();
    Ok((Box::pin(reader), Box::pin(writer)))
}

fn unreachable(address: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Connect, format!("cannot connect to {address}")).with_source(error)
}

/// Sends each message at once: it is whole, and the other side waits for it.
pub(crate) fn without_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
}
