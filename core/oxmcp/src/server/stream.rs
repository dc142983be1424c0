use std::future::Future;
use std::sync::{Arc, OnceLock};

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, MethodName, Notification, Request, codes};
use oxmcp_proto::link::{CloseReason, Ticket};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use super::{Answer, Caller, Core, Server, Session};
use crate::connection::{Connection, ConnectionPeer, NO_PROCESS, Role, SessionPeer, drive};
use crate::layer::{Carrier, Inlet};
use crate::transport::stdio::Stdio;
use crate::{Error, ErrorKind, Result};

impl Server {
    /// Serves this process's stdin and stdout until the client closes them. Meanwhile what the process itself prints to stdout goes to
    /// stderr.
    ///
    /// # Errors
    ///
    /// [`Misuse`](ErrorKind::Misuse) when they are served already, [`Closed`](ErrorKind::Closed) when the connection breaks.
    ///
    /// The streams are taken when this is called, not when the future is first polled.
    pub fn serve_stdio(&self) -> impl Future<Output = Result<()>> + Send + 'static {
        let stdio = Stdio::take();
        let server = self.clone();
        async move {
            let streams = stdio?.open()?;
            let served = server.serve_over(Carrier::Stdio, streams.reader, streams.writer).await;
            drop(streams.restore);
            served
        }
    }

    /// Serves one client over a stream of newline-delimited messages, such as a socket, until it closes.
    ///
    /// # Errors
    ///
    /// [`Closed`](ErrorKind::Closed) when the stream breaks.
    pub async fn serve(
        &self,
        reader: impl AsyncRead + Unpin + Send + 'static,
        writer: impl AsyncWrite + Unpin + Send + 'static,
    ) -> Result<()> {
        self.serve_over(Carrier::Stream, reader, writer).await
    }

    async fn serve_over(
        &self,
        carrier: Carrier,
        reader: impl AsyncRead + Unpin + Send + 'static,
        writer: impl AsyncWrite + Unpin + Send + 'static,
    ) -> Result<()> {
        let core = self.core_over(carrier);
        let connection = Connection::new(&core.limits);
        let role = StreamRole::new(core.clone());
        match drive(connection, reader, writer, role, &core.limits, NO_PROCESS).await {
            CloseReason::Broken(how) => {
                Err(Error::new(ErrorKind::Closed, format!("the connection broke: {how}")))
            }
            _ => Ok(()),
        }
    }
}

/// The server's end of a stream. `initialize` opens the one session a stream has; requests that name their revision are served without.
pub(crate) struct StreamRole {
    core: Arc<Core>,
    /// Set when the session is open, which layers may hold up.
    session: Arc<OnceLock<Arc<Session>>>,
    /// The connection, from `initialize` until the client says that the session may begin.
    opening: Option<Connection>,
    /// The task that tells the session's client what changes.
    telling: Option<JoinHandle<()>>,
}

impl Role for StreamRole {
    const SERVES: bool = true;

    fn has_batches(&self) -> bool {
        self.session.get().is_some_and(|session| session.version.wire().batches)
    }

    fn answer(&mut self, request: Request, ticket: &Ticket, connection: &Connection) -> Answer {
        if request.method == MethodName::Known(Method::Initialize) {
            return self.initialize(request, connection);
        }
        let peer =
            || Arc::new(ConnectionPeer { connection: connection.clone(), request: ticket.clone() }) as _;
        self.core.answer(request, Caller::of(self.session.get()), peer)
    }

    fn inlet(&self, notification: &Notification) -> Option<Inlet> {
        self.core.inlet(notification.params.as_ref(), self.session.get())
    }

    fn outlet(&self) -> Option<Inlet> {
        self.core.inlet(None, self.session.get())
    }

    fn notified(&mut self, notification: Notification) {
        tracing::debug!(method = %notification.method, "notification");
        // One that comes before its session is open does not count, and takes nothing from the next.
        if notification.method == MethodName::Known(Method::Initialized)
            && let Some(session) = self.session.get()
            && let Some(connection) = self.opening.take()
        {
            let telling = session.tell_changes(Arc::new(SessionPeer(connection)));
            self.telling = Some(tokio::spawn(async move { match telling.await {} }));
        }
    }

    fn input_ended(&mut self) {
        // Their client is gone, and the connection waits for what is being served.
        self.core.end_subscriptions();
    }
}

impl Drop for StreamRole {
    fn drop(&mut self) {
        if let Some(telling) = &self.telling {
            telling.abort();
        }
        if let Some(session) = self.session.get() {
            session.end();
        }
    }
}

impl StreamRole {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core, session: Arc::default(), opening: None, telling: None }
    }

    fn initialize(&mut self, request: Request, connection: &Connection) -> Answer {
        if self.session.get().is_some() {
            return Answer::Refused(ErrorObject::new(
                codes::INVALID_REQUEST,
                "this connection is already initialized",
            ));
        }
        self.opening = Some(connection.clone());
        let slot = self.session.clone();
        self.core.open(request, move |session| {
            // A client that initializes twice at once keeps the session that was first.
            let _ = slot.set(session);
        })
    }
}
