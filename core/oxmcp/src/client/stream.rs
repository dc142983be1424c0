use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oxmcp_proto::jsonrpc::{Notification, RawJson, Request};
use oxmcp_proto::link::{CallError, CallOptions, CloseReason, Patience, Ticket};
use oxmcp_proto::negotiation::{ClientNegotiation, Negotiated, Offer, Reply, Step};
use oxmcp_proto::{Era, Method, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::connect::stateless_meta;
use super::http::SseServer;
use super::inbound::Inbound;
use super::params::{MetaMembers, Params};
use crate::auth::Authorizer;
use crate::connection::{Connection, Done, NO_PROCESS, Role, Waiter, drive};
use crate::layer::Inlet;
use crate::server::{Answer, StreamRole};
use crate::transport::child::{Child, NoiseFn};
use crate::{Error, ErrorKind, Limits, Result, Server};

/// The buffer between a client and a server in memory, each way.
const MEMORY_BUFFER: usize = 256 * 1024;

/// A connection with a task that drives it.
pub(super) struct StreamChannel {
    pub(super) connection: Connection,
    /// Turns true when the task has released everything.
    pub(super) released: watch::Receiver<bool>,
    pub(super) runtime: Handle,
    inbound: Inbound,
    probe: LateProbe,
}

/// A probe that met silence, and what comes of it nevertheless.
type LateProbe = Arc<Mutex<Option<oneshot::Receiver<Result<RawJson, CallError>>>>>;

pub(super) fn open_memory(server: &Server, limits: &Limits, inbound: Inbound) -> StreamChannel {
    let (ours, theirs) = tokio::io::duplex(MEMORY_BUFFER);
    let core = server.core();
    tokio::spawn(async move {
        let (reader, writer) = tokio::io::split(theirs);
        let connection = Connection::new(&core.limits);
        let role = StreamRole::new(core.clone());
        drive(connection, reader, writer, role, &core.limits, NO_PROCESS).await;
    });
    let (reader, writer) = tokio::io::split(ours);
    open_stream(Box::pin(reader), Box::pin(writer), None, limits, inbound)
}

/// Starts the task that drives a client's end of a stream.
pub(super) fn open_stream(
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
                    let role = ClientRole { inbound, noise: None, authorizer: None };
                    drop(drive(connection, reader, writer, role, &limits, NO_PROCESS).await)
                }
                Some((child, noise)) => {
                    let role = ClientRole { inbound, noise, authorizer: None };
                    drive_child(connection, reader, writer, child, &limits, role).await
                }
            }
            release.send_replace(true);
        }
    });
    StreamChannel { connection, released, runtime: Handle::current(), inbound, probe: LateProbe::default() }
}

/// Starts the task that drives a client's end of HTTP+SSE.
pub(super) fn open_sse(server: SseServer, limits: &Limits, inbound: Inbound) -> StreamChannel {
    let connection = Connection::new(limits);
    let (release, released) = watch::channel(false);
    let (ours, theirs) = tokio::io::duplex(MEMORY_BUFFER);
    tokio::spawn({
        let (connection, limits, inbound) = (connection.clone(), limits.clone(), inbound.clone());
        async move {
            let http = server.http();
            let role = ClientRole { inbound, noise: None, authorizer: server.authorizer() };
            let (reader, writer) = tokio::io::split(ours);
            let carried = server.carry(theirs, connection.clone());
            drive(connection, reader, writer, role, &limits, Some(carried)).await;
            http.close().await;
            release.send_replace(true);
        }
    });
    StreamChannel { connection, released, runtime: Handle::current(), inbound, probe: LateProbe::default() }
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
    /// What keeps the client authorized, if something does.
    authorizer: Option<Authorizer>,
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

    fn inlet(&self, _: &Notification) -> Option<Inlet> {
        self.inbound.inlet()
    }

    fn outlet(&self) -> Option<Inlet> {
        self.inbound.inlet()
    }

    fn notified(&mut self, notification: Notification) {
        self.inbound.notified(notification);
    }

    fn noise(&self) -> Option<&NoiseFn> {
        self.noise.as_ref()
    }

    fn keeps_peer_waiting(&self) -> bool {
        self.authorizer.as_ref().is_some_and(Authorizer::is_at_work)
    }
}

impl StreamChannel {
    /// Negotiates over a stream that cannot be opened again.
    pub(super) async fn negotiate_once(&self, offer: &Offer, limits: &Limits) -> Result<Negotiated> {
        let (mut negotiation, mut step) = ClientNegotiation::start(offer.clone());
        loop {
            step = match step {
                Step::Done(negotiated) => {
                    self.begin(&negotiated).await;
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
    pub(super) async fn ask(
        &self,
        method: Method,
        version: ProtocolVersion,
        params: &RawJson,
        is_probe: bool,
        offer: &Offer,
        limits: &Limits,
    ) -> Result<Reply, CallError> {
        // Connecting has an end of its own, which knows of the time that a user takes.
        let patience = Patience { silence: limits.connect, total: Duration::MAX };
        let silence = is_probe.then_some(limits.probe);
        let probe = self.probe.clone();
        let stateless = (version.era() == Era::Stateless).then(|| stateless_meta(version, offer));
        let (connection, inbound) = (self.connection.clone(), self.inbound.clone());
        let asked = (method, version, params);
        let reply = self.inbound.negotiate(asked, move |params| async move {
            let options = CallOptions { patience, cancellable: false };
            let (sender, mut receiver) = oneshot::channel();
            let waiter = Waiter { done: Done::Channel(sender), progress: None };
            let meta = MetaMembers { stateless: stateless.as_deref(), ..MetaMembers::default() };
            // A layer may have put something into `_meta`.
            let params = Params::read(&params).unwrap_or_else(|_| Params::plain(&params));
            connection.call(method.name(), options, waiter, |_, out| params.write(&meta, out));
            let answer = match silence {
                None => receiver.await,
                Some(silence) => match tokio::time::timeout(silence, &mut receiver).await {
                    Ok(answer) => answer,
                    Err(_) => {
                        *probe.lock().unwrap_or_else(PoisonError::into_inner) = Some(receiver);
                        return Ok(Reply::Silence);
                    }
                },
            };
            match answer.unwrap_or(Err(CallError::Cancelled)) {
                Ok(result) => Ok(Reply::Result(result)),
                // The error is this client's own.
                Err(CallError::Rpc(_)) if inbound.is_echo() => {
                    let why = "the other end sends back what it is sent; is it an MCP server?";
                    Err(CallError::Invalid(why.to_owned()))
                }
                Err(CallError::Rpc(error)) => Ok(Reply::Error(error)),
                Err(error) => Err(error),
            }
        });
        reply.await
    }

    /// Whether the server has answered a probe that met silence first, as one of the stateless era does: it was only slow to start. One
    /// that has answered what came after the probe, and not the probe, has no answer to it.
    pub(super) fn has_late_probe(&self) -> bool {
        let Some(mut probe) = self.probe.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return false;
        };
        match probe.try_recv() {
            Ok(Ok(_)) => true,
            Ok(Err(CallError::Rpc(error))) => error.is_modern(),
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// Says that the session may begin, where there is one.
    pub(super) async fn begin(&self, negotiated: &Negotiated) {
        self.inbound.agree(negotiated);
        if negotiated.version.era() == Era::Handshake
            && let Some(params) = self.inbound.let_out(Method::Initialized, RawJson::empty_object()).await
        {
            self.connection.notify(Method::Initialized, params.as_bytes());
        }
    }
}

impl Drop for StreamChannel {
    fn drop(&mut self) {
        self.connection.close(CloseReason::Local);
    }
}

pub(super) fn not_connected(error: CallError, server: &str) -> Error {
    match error {
        CallError::Closed(reason) | CallError::Unsent(reason) => Error::new(
            ErrorKind::Connect,
            format!("the server {server:?} did not stay to negotiate: {reason}"),
        ),
        error => error.into(),
    }
}
