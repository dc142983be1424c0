//! Requests of the peer, on their way through the layers to what answers them.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use oxmcp_proto::jsonrpc::{ErrorObject, Message, RawJson, Request};
use tokio::runtime::Handle;

use super::inlet::{describe, settled};
use super::peer::LayeredPeer;
use super::{Direction, Facts, Id, Inlet, LayerRequest, Layers};
use crate::server::{Answer, Caller, Core, Peer, Session};

/// What `initialize` comes to: a session, if one was opened, and the answer.
pub(crate) type Opened = Result<(Option<Arc<Session>>, RawJson), ErrorObject>;

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
