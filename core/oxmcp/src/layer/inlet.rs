use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, Notification, RawJson, Request};
use tokio::runtime::Handle;

use super::{Direction, Facts, Failed, Id, LayerRequest, Layers, into_rpc};
use crate::Error;
use crate::server::{Answer, Outcome};

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

pub(super) fn describe(error: &ErrorObject) -> Error {
    error.clone().into()
}

pub(super) fn settled(outcome: Result<RawJson, Failed<ErrorObject>>) -> Outcome {
    outcome.map_err(|failed| match failed {
        Failed::AtEnd(error) => error,
        Failed::InLayer(error) => into_rpc(&error),
    })
}
