use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{Notification, RawJson, Request};
use oxmcp_proto::link::{CallError, CallOptions, CloseReason, Patience, Ticket};
use oxmcp_proto::model::{ClientCapabilities, Implementation, keys};
use oxmcp_proto::negotiation::{ClientNegotiation, Negotiated, Offer, Reply, Step};
use oxmcp_proto::{Era, Method, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{oneshot, watch};

use super::http::HttpChannel;
use super::inbound::Inbound;
use super::params::{MetaMembers, Params};
use super::{Channel, Client, Inner, StreamChannel, eras};
use crate::connection::{Connection, Done, NO_PROCESS, Role, Waiter, drive};
use crate::server::{Answer, StreamRole};
use crate::transport::child::{Child, NoiseFn};
use crate::{Command, Error, ErrorKind, Limits, Result, Server};

/// The buffer between a client and a server in memory, each way.
const MEMORY_BUFFER: usize = 256 * 1024;

/// Where a server is.
pub enum Target {
    /// At a URL, over Streamable HTTP.
    Url(String),
    /// A program to start, over its standard streams.
    Command(Command),
    /// In this process.
    Server(Box<Server>),
    /// At the other end of a stream of newline-delimited messages, such as a socket.
    Stream(Pin<Box<dyn AsyncRead + Send>>, Pin<Box<dyn AsyncWrite + Send>>),
}

impl From<&str> for Target {
    fn from(url: &str) -> Self {
        Self::Url(url.to_owned())
    }
}

impl From<String> for Target {
    fn from(url: String) -> Self {
        Self::Url(url)
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

/// A connection about to be made. Await it, or set how first.
#[must_use = "a connection is not made until it is awaited"]
pub struct Connect {
    target: Target,
    pub(super) offer: Offer,
    headers: Vec<(String, String)>,
    limits: Limits,
    given_up: BoxFuture<'static, ()>,
}

impl Connect {
    pub(super) fn new(target: Target) -> Self {
        let client_info = Implementation::new("oxmcp", env!("CARGO_PKG_VERSION"));
        let offer =
            Offer { client_info, capabilities: ClientCapabilities::default(), only: None, remembered: None };
        let given_up = Box::pin(std::future::pending());
        Self { target, offer, headers: Vec::new(), limits: Limits::default(), given_up }
    }

    /// Who this client says it is.
    pub fn client_info(mut self, info: Implementation) -> Self {
        self.offer.client_info = info;
        self
    }

    /// Speaks this revision or none, instead of negotiating.
    pub fn only(mut self, version: ProtocolVersion) -> Self {
        self.offer.only = Some(version);
        self
    }

    /// Adds a header to every HTTP request.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// What the client holds at most, and how long it waits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Gives up when `signal` is done before a revision is agreed on: it fails with [`Cancelled`](ErrorKind::Cancelled) when the
    /// processes started for it are gone, and its session at the server ended. Dropping the future ends them too, but does not wait.
    pub fn give_up_when(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.given_up = Box::pin(signal);
        self
    }

    async fn run(mut self) -> Result<Client> {
        let time = self.limits.connect;
        let attempts = Attempts::default();
        let given_up = std::mem::replace(&mut self.given_up, Box::pin(std::future::pending()));
        let connected = tokio::select! {
            connected = tokio::time::timeout(time, self.connect(&attempts)) => connected.unwrap_or_else(|_| {
                let message = format!("the server did not agree on a protocol version within {time:?}");
                Err(Error::new(ErrorKind::Timeout, message))
            }),
            () = given_up => Err(Error::new(ErrorKind::Cancelled, "this side gave up connecting")),
        };
        if connected.is_err() {
            attempts.released().await;
        }
        connected
    }

    async fn connect(self, attempts: &Attempts) -> Result<Client> {
        let Self { target, mut offer, headers, limits, .. } = self;
        let inbound = Inbound::new();
        let (negotiated, channel) = match target {
            Target::Url(url) => {
                let server = eras::Server::at(&url);
                offer.remembered = server.and_then(eras::Server::recall);
                let http = HttpChannel::new(&url, headers, &offer, &limits, inbound).await?;
                attempts.add(http.released());
                let negotiated = http.negotiate(&offer, &limits).await?;
                remember_era(server, &offer, &negotiated);
                (negotiated, Channel::Http(http))
            }
            Target::Command(command) => {
                let server = eras::Server::started_by(&command);
                offer.remembered = server.recall();
                let (negotiated, stream) =
                    connect_command(&command, &offer, &limits, attempts, &inbound).await?;
                remember_era(Some(server), &offer, &negotiated);
                (negotiated, Channel::Stream(stream))
            }
            Target::Server(server) => {
                let stream = open_memory(&server, &limits, inbound);
                attempts.add(stream.released.clone());
                (stream.negotiate_once(&offer, &limits).await?, Channel::Stream(stream))
            }
            Target::Stream(reader, writer) => {
                let stream = open_stream(reader, writer, None, &limits, inbound);
                attempts.add(stream.released.clone());
                (stream.negotiate_once(&offer, &limits).await?, Channel::Stream(stream))
            }
        };
        let meta = (negotiated.version.era() == Era::Stateless)
            .then(|| stateless_meta(negotiated.version, &offer).into_boxed_str());
        let extensions =
            offer.capabilities.extensions.iter().flatten().map(|(name, _)| name.as_str().into()).collect();
        Ok(Client { inner: Arc::new(Inner { negotiated, channel, limits, extensions, meta }) })
    }
}

/// A pinned revision says nothing about what the server would choose.
fn remember_era(server: Option<eras::Server>, offer: &Offer, negotiated: &Negotiated) {
    if let (Some(server), None) = (server, offer.only) {
        server.remember(negotiated.version.era());
    }
}

impl IntoFuture for Connect {
    type Output = Result<Client>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The members of `_meta` that every request of the stateless era carries.
pub(super) fn stateless_meta(version: ProtocolVersion, offer: &Offer) -> String {
    let json = |value| serde_json::to_string(&value).unwrap_or_else(|_| "{}".to_owned());
    format!(
        r#""{}":"{}","{}":{},"{}":{}"#,
        keys::PROTOCOL_VERSION,
        version,
        keys::CLIENT_INFO,
        json(serde_json::to_value(&offer.client_info).unwrap_or_default()),
        keys::CLIENT_CAPABILITIES,
        json(serde_json::to_value(&offer.capabilities).unwrap_or_default()),
    )
}

/// Starts the server and negotiates. A server that exits over the probe is started once more, and asked in the old way.
async fn connect_command(
    command: &Command,
    offer: &Offer,
    limits: &Limits,
    attempts: &Attempts,
    inbound: &Inbound,
) -> Result<(Negotiated, StreamChannel)> {
    let mut stream = open_command(command, limits, attempts, inbound)?;
    let mut may_restart = true;
    let (mut negotiation, mut step) = ClientNegotiation::start(offer.clone());
    loop {
        let reply = match step {
            Step::Done(negotiated) => {
                stream.begin(&negotiated);
                return Ok((*negotiated, stream));
            }
            Step::Failed(error) => return Err(error.into()),
            Step::Request { method, version, ref params, is_probe } => {
                match stream.ask(method, version, params, is_probe, offer, limits).await {
                    Ok(reply) => reply,
                    Err(CallError::Closed(CloseReason::PeerClosed | CloseReason::PeerExited(_)))
                        if is_probe && may_restart =>
                    {
                        may_restart = false;
                        stream = open_command(command, limits, attempts, inbound)?;
                        Reply::Refused
                    }
                    Err(error) => return Err(not_connected(error, &command.program().to_string_lossy())),
                }
            }
        };
        step = negotiation.handle(reply);
    }
}

fn not_connected(error: CallError, server: &str) -> Error {
    match error {
        CallError::Closed(reason) => Error::new(
            ErrorKind::Connect,
            format!("the server {server:?} did not stay to negotiate: {reason}"),
        ),
        error => error.into(),
    }
}

fn open_command(
    command: &Command,
    limits: &Limits,
    attempts: &Attempts,
    inbound: &Inbound,
) -> Result<StreamChannel> {
    let (child, stdout, stdin) = command.spawn()?;
    let child = Some((child, command.noise()));
    let stream = open_stream(Box::pin(stdout), Box::pin(stdin), child, limits, inbound.clone());
    attempts.add(stream.released.clone());
    Ok(stream)
}

/// What was opened for one connection, to see it gone when that fails: streams with their processes, or an HTTP session.
#[derive(Default)]
struct Attempts(Mutex<Vec<watch::Receiver<bool>>>);

impl Attempts {
    fn add(&self, released: watch::Receiver<bool>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(released);
    }

    async fn released(&self) {
        let attempts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for mut released in attempts {
            // An error means that the task is gone, which comes to the same.
            let _ = released.wait_for(|released| *released).await;
        }
    }
}

fn open_memory(server: &Server, limits: &Limits, inbound: Inbound) -> StreamChannel {
    let (ours, theirs) = tokio::io::duplex(MEMORY_BUFFER);
    let core = server.core();
    tokio::spawn(async move {
        let (reader, writer) = tokio::io::split(theirs);
        let connection = Connection::new(&core.limits);
        let role = StreamRole { core: core.clone(), session: None };
        drive(connection, reader, writer, role, &core.limits, NO_PROCESS).await;
    });
    let (reader, writer) = tokio::io::split(ours);
    open_stream(Box::pin(reader), Box::pin(writer), None, limits, inbound)
}

/// Starts the task that drives a client's end of a stream.
fn open_stream(
    reader: Pin<Box<dyn AsyncRead + Send>>,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    child: Option<(Child, Option<NoiseFn>)>,
    limits: &Limits,
    inbound: Inbound,
) -> StreamChannel {
    let connection = Connection::new(limits);
    let (release, released) = watch::channel(false);
    tokio::spawn({
        let (connection, limits, inbound) = (connection.clone(), limits.clone(), inbound.clone());
        async move {
            match child {
                None => {
                    let role = ClientRole { inbound, noise: None };
                    drop(drive(connection, reader, writer, role, &limits, NO_PROCESS).await)
                }
                Some((child, noise)) => {
                    let role = ClientRole { inbound, noise };
                    drive_child(connection, reader, writer, child, &limits, role).await
                }
            }
            release.send_replace(true);
        }
    });
    StreamChannel { connection, released, inbound }
}

/// Drives a connection to a child process, which does not outlive it.
async fn drive_child(
    connection: Connection,
    reader: Pin<Box<dyn AsyncRead + Send>>,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    mut child: Child,
    limits: &Limits,
    role: ClientRole,
) {
    let inbound = role.inbound.clone();
    {
        let exited = async {
            CloseReason::PeerExited(match child.exited().await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            })
        };
        drive(connection, reader, writer, role, limits, Some(exited)).await;
    }
    // A process with which nothing was agreed has nothing to finish.
    let grace = if inbound.version().is_some() { limits.exit_grace } else { Duration::ZERO };
    child.shutdown(grace).await;
}

/// The client's end of a stream.
struct ClientRole {
    inbound: Inbound,
    noise: Option<NoiseFn>,
}

impl Role for ClientRole {
    const SERVES: bool = false;

    fn may_be_asked(&self) -> bool {
        self.inbound.may_be_asked()
    }

    /// A client must be able to receive batches (2025-03-26, "Batching"), though this one sends none. Before a revision is agreed on, it may
    /// be that one.
    fn has_batches(&self) -> bool {
        self.inbound.version().is_none_or(|version| version.wire().batches)
    }

    fn answer(&mut self, request: Request, _: &Ticket, _: &Connection) -> Answer {
        self.inbound.answer(request)
    }

    fn notified(&mut self, notification: Notification) {
        self.inbound.notified(notification);
    }

    fn noise(&self) -> Option<&NoiseFn> {
        self.noise.as_ref()
    }
}

impl StreamChannel {
    /// Negotiates over a stream that cannot be opened again.
    async fn negotiate_once(&self, offer: &Offer, limits: &Limits) -> Result<Negotiated> {
        let (mut negotiation, mut step) = ClientNegotiation::start(offer.clone());
        loop {
            step = match step {
                Step::Done(negotiated) => {
                    self.begin(&negotiated);
                    return Ok(*negotiated);
                }
                Step::Failed(error) => return Err(error.into()),
                Step::Request { method, version, params, is_probe } => {
                    let reply = self.ask(method, version, &params, is_probe, offer, limits).await;
                    negotiation.handle(
                        reply.map_err(|error| not_connected(error, "at the other end of the stream"))?,
                    )
                }
            };
        }
    }

    /// Sends a request of the negotiation.
    async fn ask(
        &self,
        method: Method,
        version: ProtocolVersion,
        params: &RawJson,
        is_probe: bool,
        offer: &Offer,
        limits: &Limits,
    ) -> Result<Reply, CallError> {
        let patience = Patience::total(if is_probe { limits.probe } else { limits.connect });
        let options = CallOptions { patience, cancellable: false };
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter { done: Done::Channel(sender), progress: None };
        let stateless = (version.era() == Era::Stateless).then(|| stateless_meta(version, offer));
        let meta = MetaMembers { progress_token: None, stateless: stateless.as_deref() };
        self.connection
            .call(method.name(), options, waiter, |_, out| Params::plain(params).write(&meta, out));
        match receiver.await.unwrap_or(Err(CallError::Cancelled)) {
            Ok(result) => Ok(Reply::Result(result)),
            Err(CallError::Rpc(error)) => Ok(Reply::Error(error)),
            Err(CallError::Silent { .. }) if is_probe => Ok(Reply::Silence),
            Err(error) => Err(error),
        }
    }

    /// Says that the session may begin, where there is one.
    fn begin(&self, negotiated: &Negotiated) {
        self.inbound.agree(negotiated);
        if negotiated.version.era() == Era::Handshake {
            self.connection.notify(Method::Initialized, b"{}");
        }
    }
}

impl Drop for StreamChannel {
    fn drop(&mut self) {
        self.connection.close(CloseReason::Local);
    }
}
