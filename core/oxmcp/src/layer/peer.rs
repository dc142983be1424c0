use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::link::CallError;
use tokio::runtime::Handle;

use super::layers::Admitted;
use super::{Direction, Facts, Failed, Id, Inlet, LayerRequest, Layers, into_rpc};
use crate::server::{Lost, Peer, Session, Told};

impl Layers {
    /// The layers as they stand before the client of a session.
    pub(crate) fn outlet(&self, session: &Arc<Session>) -> Inlet {
        Inlet { layers: self.clone(), facts: Facts::of_server(None, Some(session), self.carrier()) }
    }

    /// Puts the layers before the client of a session, for what it is told by itself.
    pub(crate) fn before(&self, peer: Arc<dyn Peer>, session: &Arc<Session>) -> Arc<dyn Peer> {
        let facts = Facts::of_server(None, Some(session), self.carrier());
        Arc::new(LayeredPeer { peer, layers: self.clone(), facts, runtime: Handle::current() })
    }
}

/// A client that is told and asked by way of the layers.
pub(super) struct LayeredPeer {
    pub(super) peer: Arc<dyn Peer>,
    pub(super) layers: Layers,
    pub(super) facts: Facts,
    pub(super) runtime: Handle,
}

impl LayeredPeer {
    fn outgoing(&self, method: Method, params: RawJson, id: Id) -> LayerRequest {
        LayerRequest::new(Direction::Outgoing, method.into(), Some(params), id, self.facts.clone())
    }

    /// What a layer stopped or holds up is as good as sent: whoever sends it has nothing to do about it, but for what is `lost` when it is
    /// no longer held up.
    fn send(
        &self,
        method: Method,
        params: &[u8],
        lost: Option<Lost>,
        send: fn(&dyn Peer, Method, &[u8]) -> bool,
    ) -> Told {
        let params = RawJson::from_written(params.to_vec());
        let notification = self.outgoing(method, params, Id::Notification);
        let peer = self.peer.clone();
        let later = move |notification: LayerRequest| {
            if !send(&*peer, method, notification.params().as_bytes())
                && let Some(lost) = lost
            {
                lost();
            }
        };
        match self.layers.admit(notification, &self.runtime, later) {
            Admitted::Now(notification) => send(&*self.peer, method, notification.params().as_bytes()).into(),
            Admitted::Later | Admitted::Stopped => Told::Yes,
            Admitted::Full => Told::NotNow,
        }
    }
}

impl Peer for LayeredPeer {
    fn notify(&self, method: Method, params: &[u8]) -> bool {
        self.send(method, params, None, |peer, method, params| peer.notify(method, params)) == Told::Yes
    }

    fn notify_or(&self, method: Method, params: &[u8], lost: &dyn Fn() -> Lost) -> Told {
        self.send(method, params, Some(lost()), |peer, method, params| peer.notify(method, params))
    }

    fn tell(&self, method: Method, params: &[u8]) -> bool {
        self.send(method, params, None, |peer, method, params| peer.tell(method, params)) == Told::Yes
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.layers.poll_room(cx));
        self.peer.poll_room(cx)
    }

    fn ask(&self, method: Method, params: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>> {
        let request = self.outgoing(method, params, Id::Unknown);
        let peer = self.peer.clone();
        let describe = |error: &CallError| error.clone().into();
        let asked = self
            .layers
            .clone()
            .around(request, describe, move |request| peer.ask(method, request.into_params()));
        let asked = asked.map(|outcome| {
            outcome.map_err(|failed| match failed {
                Failed::AtEnd(error) => error,
                Failed::InLayer(error) => CallError::Rpc(into_rpc(&error)),
            })
        });
        asked.boxed()
    }

    fn close_stream(&self) -> bool {
        self.peer.close_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{poll_fn, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::{Notify, Semaphore};

    use super::*;
    use crate::layer::room::MAX_HELD;
    use crate::layer::{Carrier, Next, from_fn};

    /// A client that takes nothing.
    struct Full;

    impl Peer for Full {
        fn notify(&self, _: Method, _: &[u8]) -> bool {
            false
        }

        fn tell(&self, _: Method, _: &[u8]) -> bool {
            false
        }

        fn ask(&self, _: Method, _: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>> {
            Box::pin(ready(Err(CallError::Overloaded)))
        }
    }

    #[tokio::test]
    async fn what_is_held_up_and_finds_no_room_is_not_forgotten() {
        let gate = Arc::new(Notify::new());
        let holds = gate.clone();
        let layer = from_fn(move |request: LayerRequest, next: Next| {
            let holds = holds.clone();
            async move {
                holds.notified().await;
                next.run(request).await
            }
        });
        let facts = Facts { carrier: Carrier::Stream, session_id: None, version: None, peer_info: None };
        let layers = Layers::with(None, layer);
        let peer = LayeredPeer { peer: Arc::new(Full), layers, facts, runtime: Handle::current() };
        let (lost, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let lose = || -> Lost {
            let (lost, told) = (lost.clone(), told.clone());
            Box::new(move || {
                lost.fetch_add(1, Ordering::SeqCst);
                told.notify_one();
            })
        };
        assert_eq!(peer.notify_or(Method::ToolListChanged, b"{}", &lose), Told::Yes, "it is held up");
        assert_eq!(lost.load(Ordering::SeqCst), 0);
        gate.notify_one();
        told.notified().await;
        assert_eq!(lost.load(Ordering::SeqCst), 1);
    }
    /// A client that takes everything.
    #[derive(Default)]
    struct Counts(AtomicUsize);

    impl Peer for Counts {
        fn notify(&self, _: Method, _: &[u8]) -> bool {
            self.0.fetch_add(1, Ordering::SeqCst);
            true
        }

        fn tell(&self, method: Method, params: &[u8]) -> bool {
            self.notify(method, params)
        }

        fn ask(&self, _: Method, _: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>> {
            Box::pin(ready(Err(CallError::Overloaded)))
        }
    }

    #[tokio::test]
    async fn what_must_not_get_lost_waits_until_layers_have_room() {
        let gate = Arc::new(Semaphore::new(0));
        let holds = gate.clone();
        let layer = from_fn(move |request: LayerRequest, next: Next| {
            let holds = holds.clone();
            async move {
                holds.acquire().await.unwrap().forget();
                next.run(request).await
            }
        });
        let client = Arc::<Counts>::default();
        let peer = LayeredPeer {
            peer: client.clone(),
            layers: Layers::with(None, layer),
            facts: Facts { carrier: Carrier::Stream, session_id: None, version: None, peer_info: None },
            runtime: Handle::current(),
        };
        let lose = || -> Lost { Box::new(|| unreachable!("nothing is held up that finds no room")) };
        for _ in 0..MAX_HELD {
            poll_fn(|cx| peer.poll_room(cx)).await;
            assert!(peer.notify(Method::LogMessage, b"{}"), "it is held up");
        }
        assert!(!peer.notify(Method::LogMessage, b"{}"), "there is no room");
        assert_eq!(peer.notify_or(Method::ToolListChanged, b"{}", &lose), Told::NotNow);
        let mut room = poll_fn(|cx| peer.poll_room(cx));
        assert!((&mut room).now_or_never().is_none());
        gate.add_permits(MAX_HELD);
        room.await;
        assert_eq!(peer.notify_or(Method::ToolListChanged, b"{}", &lose), Told::Yes);
        gate.add_permits(1);
        while client.0.load(Ordering::SeqCst) <= MAX_HELD {
            tokio::task::yield_now().await;
        }
    }
}
