use std::path::PathBuf;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

use crate::transport::Transport;
use crate::transport::custom::carry;
use crate::transport::socket::Halves;
use crate::{Command, Server};

/// Where a server is.
#[non_exhaustive]
pub enum Target {
    /// At a URL, over Streamable HTTP.
    Url(String),
    /// At a TCP address with its port, with one message per line.
    Tcp(String),
    /// At the path of a Unix socket, with one message per line.
    Unix(PathBuf),
    /// A program to start, over its standard streams.
    Command(Command),
    /// In this process.
    Server(Box<Server>),
    /// At the other end of a stream of newline-delimited messages, such as a socket.
    Stream(Pin<Box<dyn AsyncRead + Send>>, Pin<Box<dyn AsyncWrite + Send>>),
    /// At the other end of a transport of your own; made by [`transport`](Self::transport).
    Transport(CustomTransport),
}

/// A [`Transport`] that is not used yet.
pub struct CustomTransport(Box<dyn FnOnce() -> DuplexStream + Send>);

impl CustomTransport {
    /// Makes it a stream of lines. The task that does so ends with the stream.
    pub(super) fn open(self) -> Halves {
        let (reader, writer) = tokio::io::split((self.0)());
        (Box::pin(reader), Box::pin(writer))
    }
}

impl Target {
    /// A server at the other end of a transport of your own.
    pub fn transport(transport: impl Transport) -> Self {
        Self::Transport(CustomTransport(Box::new(|| {
            let (stream, carried) = carry(transport);
            tokio::spawn(carried);
            stream
        })))
    }
}

/// `http` and `https` URLs, `tcp://host:port`, and `unix:/path`.
impl From<&str> for Target {
    fn from(url: &str) -> Self {
        if let Some(address) = url.strip_prefix("tcp://") {
            return Self::Tcp(address.to_owned());
        }
        match url.strip_prefix("unix:") {
            // `unix:///path` says the same as `unix:/path`.
            Some(path) => Self::Unix(path.strip_prefix("//").unwrap_or(path).into()),
            None => Self::Url(url.to_owned()),
        }
    }
}

impl From<String> for Target {
    fn from(url: String) -> Self {
        Self::from(&*url)
    }
}

impl From<Command> for Target {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

impl From<Server> for Target {
    fn from(server: Server) -> Self {
        Self::Server(Box::new(server))
    }
}

impl<R: AsyncRead + Send + 'static, W: AsyncWrite + Send + 'static> From<(R, W)> for Target {
    fn from((reader, writer): (R, W)) -> Self {
        Self::Stream(Box::pin(reader), Box::pin(writer))
    }
}
