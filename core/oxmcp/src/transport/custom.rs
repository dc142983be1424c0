use std::future::{Future, pending};
use std::io;

use bytes::Bytes;
use oxmcp_proto::jsonrpc::write_on_one_line;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::line::{Frame, LineBuffer};
use crate::{Result, Server};

/// Bytes on their way between a transport and the link that it serves, each way.
const BUFFER: usize = 64 * 1024;

/// A transport of your own: two halves that carry whole messages, such as a WebSocket or a message queue. A pair of a [`MessageSender`] and
/// a [`MessageReceiver`] is one.
///
/// A server serves it with [`Server::serve_transport`], a client connects with
/// [`Target::transport`](crate::client::Target::transport). For streams of bytes there is [`Server::serve`], and a client connects to a pair
/// of a reader and a writer.
///
/// ```
/// use std::io;
/// use bytes::Bytes;
/// use oxmcp::client::Target;
/// use oxmcp::transport::{MessageReceiver, MessageSender};
/// use oxmcp::{Client, Server};
/// use tokio::sync::mpsc;
///
/// struct Outgoing(mpsc::Sender<Bytes>);
/// struct Incoming(mpsc::Receiver<Bytes>);
///
/// impl MessageSender for Outgoing {
///     async fn send(&mut self, message: Bytes) -> io::Result<()> {
///         self.0.send(message).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
///     }
/// }
///
/// impl MessageReceiver for Incoming {
///     async fn receive(&mut self) -> io::Result<Option<Bytes>> {
///         Ok(self.0.recv().await)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), oxmcp::Error> {
/// let (to_server, from_client) = mpsc::channel(8);
/// let (to_client, from_server) = mpsc::channel(8);
/// let server = Server::new("demo", "1.0.0");
/// tokio::spawn(async move { server.serve_transport((Outgoing(to_client), Incoming(from_client))).await });
/// let client = Client::connect(Target::transport((Outgoing(to_server), Incoming(from_server)))).await?;
/// assert_eq!(client.server_info().name, "demo");
/// # Ok(())
/// # }
/// ```
pub trait Transport: Send + 'static {
    /// What sends messages.
    type Sender: MessageSender;
    /// What receives them.
    type Receiver: MessageReceiver;

    /// Takes the transport apart.
    fn split(self) -> (Self::Sender, Self::Receiver);
}

/// The half of a [`Transport`] that sends. It is dropped when the connection is over.
pub trait MessageSender: Send + 'static {
    /// Sends a message: JSON without line breaks. It may wait until there is room; an error ends the connection.
    fn send(&mut self, message: Bytes) -> impl Future<Output = io::Result<()>> + Send;
}

/// The half of a [`Transport`] that receives. It is dropped when the connection is over, while it waits too.
pub trait MessageReceiver: Send + 'static {
    /// Receives the next message, whatever its layout; `None` when the peer has closed its side. An error ends the connection. One over
    /// [`Limits::message_bytes`](crate::Limits::message_bytes) is refused, but it is this half that holds it until then.
    fn receive(&mut self) -> impl Future<Output = io::Result<Option<Bytes>>> + Send;
}

impl<S: MessageSender, R: MessageReceiver> Transport for (S, R) {
    type Sender = S;
    type Receiver = R;

    fn split(self) -> (S, R) {
        self
    }
}

impl Server {
    /// Serves one client over a transport of your own, until it closes; see [`Transport`].
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed) when the connection breaks.
    pub async fn serve_transport(&self, transport: impl Transport) -> Result<()> {
        let (stream, carried) = carry(transport);
        let (reader, writer) = tokio::io::split(stream);
        tokio::join!(self.serve(reader, writer), carried).0
    }
}

/// Makes a transport a stream of lines. The future does the work; it ends when the stream is dropped.
pub(crate) fn carry(transport: impl Transport) -> (DuplexStream, impl Future<Output = ()> + Send) {
    let (ours, theirs) = tokio::io::duplex(BUFFER);
    let (sender, receiver) = transport.split();
    let carried = async move {
        let (mut output, mut input) = tokio::io::split(theirs);
        let received = async {
            if let Err(error) = receive_all(receiver, &mut input).await {
                tracing::warn!(%error, "a transport broke while it received");
            }
            // What is left to send is sent all the same.
            let _ = input.shutdown().await;
            pending().await
        };
        tokio::select! {
            () = received => {}
            sent = send_all(sender, &mut output) => {
                if let Err(error) = sent {
                    tracing::warn!(%error, "a transport broke while it sent");
                }
            }
        }
    };
    (ours, carried)
}

async fn receive_all(
    mut receiver: impl MessageReceiver,
    input: &mut (impl AsyncWriteExt + Unpin),
) -> io::Result<()> {
    while let Some(message) = receiver.receive().await? {
        let mut line = Vec::with_capacity(message.len() + 1);
        write_on_one_line(&message, &mut line);
        line.push(b'\n');
        input.write_all(&line).await?;
    }
    Ok(())
}

async fn send_all(
    mut sender: impl MessageSender,
    output: &mut (impl AsyncReadExt + Unpin),
) -> io::Result<()> {
    let mut lines = LineBuffer::new(usize::MAX);
    while output.read_buf(lines.space()).await? > 0 {
        while let Some(Frame::Line(line)) = lines.next() {
            sender.send(line).await?;
        }
    }
    Ok(())
}
