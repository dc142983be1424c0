//! Requests of the peer, on their way through the layers to what answers them.

use std::future::{Future, ready};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, Message, Notification, RawJson, Request};
use oxmcp_proto::model::RequestMeta;
use tokio::runtime::Handle;

use super::peer::LayeredPeer;
use super::{Carrier, Direction, Facts, Failed, Id, LayerRequest, Layers, into_rpc};
use crate::Error;
use crate::server::{Answer, Caller, Core, Outcome, Peer, Session};

/// What `initialize` comes to: a session, if one was opened, and the answer.
pub(crate) type Opened = Result<(Option<Arc<Session>>, RawJson), ErrorObject>;

/// Layers as they stand before one end of a connection.
pub(crate) struct Inlet {
    pub(crate) layers: Layers,
    pub(crate) facts: Facts,
}

impl Inlet {
    /// Takes a notification of the peer through the layers. Gives it, if it may go on at once. One that is held up goes to `later` when it
    /// may.
    pub(crate) fn admit(
        self,
        notification: Notification,
        runtime: &Handle,
        later: impl FnOnce(Notification) + Send + 'static,
    ) -> Option<Notification> {
        let Notification { method, params } = notification;
        let notification =
            LayerRequest::new(Direction::Incoming, method, params, Id::Notification, self.facts);
        let later = |notification: LayerRequest| later(notification.into_notification());
        self.layers.admit(notification, runtime, later).now().map(LayerRequest::into_notification)
    }

    /// Takes a notification of this side's own through the layers; `send` sends its parameters when it may go on, if ever.
    pub(crate) fn let_out(
        self,
        method: Method,
        params: RawJson,
        runtime: &Handle,
        send: impl FnOnce(&RawJson) + Clone + Send + 'static,
    ) {
        let notification =
            LayerRequest::new(Direction::Outgoing, method.into(), Some(params), Id::Notification, self.facts);
        let send_later = send.clone();
        let later = |notification: LayerRequest| send_later(notification.params());
        if let Some(notification) = self.layers.admit(notification, runtime, later).now() {
            send(notification.params());
        }
    }

    /// Answers a request of the peer by way of the layers.
    pub(crate) fn answer(
        self,
        request: Request,
        end: impl FnOnce(Request) -> Answer + Send + 'static,
    ) -> Answer {
        let Request { id, method, params } = request;
        let request =
            LayerRequest::new(Direction::Incoming, method, params, Id::Given(id.clone()), self.facts);
        let (is_refused, is_worked_on) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (refuse, work_on) = (is_refused.clone(), is_worked_on.clone());
        let outcome = self.layers.around(request, describe, move |request| async move {
            match end(request.into_request(id)) {
                Answer::Ready(outcome) => outcome,
                Answer::Refused(error) => {
                    refuse.store(true, Ordering::Relaxed);
                    Err(error)
                }
                Answer::Later(work) => {
                    work_on.store(true, Ordering::Relaxed);
                    work.await
                }
            }
        });
        let mut work = outcome.map(settled).boxed();
        // Layers that do not wait change nothing of how an answer is given.
        match (&mut work).now_or_never() {
            Some(Err(error)) if is_refused.load(Ordering::Relaxed) => Answer::Refused(error),
            // Its handler may have sent notifications, which go out before the answer.
            Some(outcome) if is_worked_on.load(Ordering::Relaxed) => Answer::Later(ready(outcome).boxed()),
            Some(outcome) => Answer::Ready(outcome),
            None => Answer::Later(work),
        }
    }
}

fn describe(error: &ErrorObject) -> Error {
    error.clone().into()
}

fn settled(outcome: Result<RawJson, Failed<ErrorObject>>) -> Outcome {
    outcome.map_err(|failed| match failed {
        Failed::AtEnd(error) => error,
        Failed::InLayer(error) => into_rpc(&error),
    })
}

impl Facts {
    /// What a server knows of the connection of a message: what its session says, or else the message itself.
    pub(super) fn of_server(
        params: Option<&RawJson>,
        session: Option<&Arc<Session>>,
        carrier: Carrier,
    ) -> Self {
        // What cannot be read is refused further in.
        let meta = RequestMeta::of(params).unwrap_or_default();
        let said = meta.protocol_version.as_deref().and_then(|version| version.parse().ok());
        let info = params.zip(meta.client_info).map(|(params, info)| params.part(info));
        let session = session.filter(|_| said.is_none());
        Self {
            carrier,
            session_id: session.and_then(|session| session.wire_id.get().cloned()),
            version: said.or(session.map(|session| session.version)),
            peer_info: info.or_else(|| session?.client_info.clone()),
        }
    }
}

impl Core {
    /// The layers before a message of a client, if there are some.
    pub(crate) fn inlet(&self, params: Option<&RawJson>, session: Option<&Arc<Session>>) -> Option<Inlet> {
        let layers = self.layers.clone()?;
        let facts = Facts::of_server(params, session, layers.carrier());
        Some(Inlet { layers, facts })
    }

    /// Shows layers a message of which nothing comes.
    pub(crate) fn overhear(&self, message: &Message) {
        if let Message::Notification(notification) = message
            && let Some(inlet) = self.inlet(notification.params.as_ref(), None)
        {
            inlet.admit(notification.clone(), &Handle::current(), drop);
        }
    }

    /// Answers a request other than `initialize` by way of the layers.
    pub(crate) fn answer_in_layers(
        self: &Arc<Self>,
        layers: &Layers,
        request: Request,
        caller: Caller<'_>,
        peer: Arc<dyn Peer>,
    ) -> Answer {
        let Caller { session, auth } = caller;
        let facts = Facts::of_server(request.params.as_ref(), session, layers.carrier());
        let inlet = Inlet { layers: layers.clone(), facts: facts.clone() };
        let peer = LayeredPeer { peer, layers: layers.clone(), facts, runtime: Handle::current() };
        let (core, session) = (self.clone(), session.cloned());
        inlet.answer(request, move |request| {
            let caller = Caller { session: session.as_ref(), auth };
            core.answer_at_end(request, caller, || Arc::new(peer))
        })
    }

    /// Answers `initialize`; `opened` hears of the session.
    pub(crate) fn open(
        self: &Arc<Self>,
        request: Request,
        opened: impl FnOnce(Arc<Session>) + Send + 'static,
    ) -> Answer {
        let Some(layers) = &self.layers else {
            return match self.initialize(&request) {
                Ok((session, result)) => {
                    opened(session);
                    Answer::Ready(Ok(result))
                }
                Err(error) => Answer::Refused(error),
            };
        };
        let opening = self.open_in_layers(layers, request).map(|outcome| {
            let (session, result) = outcome?;
            if let Some(session) = session {
                opened(session);
            }
            Ok(result)
        });
        let mut opening = opening.boxed();
        match (&mut opening).now_or_never() {
            Some(outcome) => Answer::Ready(outcome),
            None => Answer::Later(opening),
        }
    }

    /// Opens a session by way of the layers.
    pub(crate) fn open_in_layers(
        self: &Arc<Self>,
        layers: &Layers,
        request: Request,
    ) -> impl Future<Output = Opened> + Send + use<> {
        let core = self.clone();
        let facts = Facts::of_server(request.params.as_ref(), None, layers.carrier());
        let opened = Arc::new(OnceLock::new());
        let open = opened.clone();
        let Request { id, method, params } = request;
        let request = LayerRequest::new(Direction::Incoming, method, params, Id::Given(id.clone()), facts);
        let around = layers.clone().around(request, describe, move |request| async move {
            let (session, result) = core.initialize(&request.into_request(id))?;
            // The end is come to once.
            let _ = open.set(session);
            Ok(result)
        });
        around.map(move |outcome| {
            let result = settled(outcome)?;
            Ok((opened.get().cloned(), result))
        })
    }
}
