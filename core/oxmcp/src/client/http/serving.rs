use std::future::ready;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{AbortHandle, BoxFuture, abortable};
use oxmcp_proto::jsonrpc::{
    ErrorObject, Message, MethodName, Notification, Request, RequestId, write_error, write_result,
};
use oxmcp_proto::model::CancelledParams;
use oxmcp_proto::{Era, Method};
use rustc_hash::FxHashMap;
use tokio::sync::Semaphore;

use super::asked::{Asked, Owed};
use super::standing::Standing;
use super::{Shared, hear, progress_of, to_error};
use crate::auth::{Effort, within_rest};
use crate::connection::ProgressFn;
use crate::server::{Answer, Outcome};
use crate::transport::http::Head;

/// How long the server may take to accept an answer, beside what a user takes to authorize the client for it.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// The bytes of an answer that waits its turn behind other messages; a larger one is sent by itself.
const MAX_IN_TURN: usize = 16 * 1024;

/// The requests of the server that this client is at work on.
pub(super) struct Serving {
    running: Mutex<FxHashMap<u64, (RequestId, AbortHandle)>>,
    next: AtomicU64,
    limit: usize,
    /// The answers that may be on their way at once, beside those that go in turn.
    posts: Arc<Semaphore>,
}

impl Serving {
    /// At most `limit` requests at once; a request past it is answered with an error. At most `connections` answers are on their way at
    /// once.
    pub(super) fn new(limit: usize, connections: usize) -> Self {
        let posts = Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)));
        Self { running: Mutex::default(), next: AtomicU64::new(0), limit, posts }
    }

    fn enter(&self, id: RequestId, abort: AbortHandle) -> Option<u64> {
        let mut running = self.running();
        if running.len() >= self.limit {
            return None;
        }
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        running.insert(place, (id, abort));
        Some(place)
    }

    fn leave(&self, place: u64) {
        self.running().remove(&place);
    }

    /// Ends the work on a request that the server no longer waits for.
    fn cancel(&self, id: &RequestId) {
        for (served, abort) in self.running().values() {
            if served == id {
                abort.abort();
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, FxHashMap<u64, (RequestId, AbortHandle)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Takes a message of the server's own, that came in a session.
    pub(super) fn take(self: &Arc<Self>, message: Message, standing: &Standing) {
        let Some(message) = self.admit(message, None) else { return };
        self.take_admitted(message, Era::Handshake, standing, None);
    }

    /// Takes a notification through the layers, if there are some; `None` when one of them holds it up or stops it. `call` is the call on whose
    /// stream it came, by its number, with who hears of its progress.
    pub(super) fn admit(
        self: &Arc<Self>,
        message: Message,
        call: Option<(i64, Option<&ProgressFn>)>,
    ) -> Option<Message> {
        let notification = match message {
            Message::Notification(notification) => notification,
            other => return Some(other),
        };
        let Some(inlet) = self.inbound.inlet() else { return Some(Message::Notification(notification)) };
        let shared = self.clone();
        let call = call.map(|(number, progress)| (number, progress.cloned()));
        let admitted = inlet.admit(notification, &self.runtime, move |notification| {
            match call.and_then(|(number, heard)| Some((progress_of(&notification, number)?, heard))) {
                Some((params, heard)) => hear(heard.as_ref(), params.progress),
                None => shared.notified(notification),
            }
        });
        admitted.map(Message::Notification)
    }

    /// Takes a message that has come through all layers and does not answer the call on whose stream it came; `asked` is of that call, if
    /// there is one.
    pub(super) fn take_admitted(
        self: &Arc<Self>,
        message: Message,
        era: Era,
        standing: &Standing,
        asked: Option<&Asked>,
    ) {
        match message {
            Message::Request(request) if era == Era::Handshake => self.answer(request, standing, asked),
            Message::Notification(notification) => self.notified(notification),
            Message::Response(response) => self.flights.settle(response),
            other => tracing::debug!(?other, "a message that nobody waits for"),
        }
    }

    fn notified(&self, notification: Notification) {
        if notification.method != MethodName::Known(Method::Cancelled) {
            return self.inbound.notified(notification);
        }
        let params = notification.params.and_then(|params| params.to::<CancelledParams>().ok());
        if let Some(id) = params.and_then(|params| params.request_id) {
            self.serving.cancel(&id);
        }
    }

    /// Answers a request in the session in which it came.
    fn answer(self: &Arc<Self>, request: Request, standing: &Standing, asked: Option<&Asked>) {
        let id = request.id.clone();
        let method = match request.method {
            MethodName::Known(method) => method.name(),
            MethodName::Other(_) => "an answer",
        };
        let outcome = match self.inbound.answer(request) {
            Answer::Ready(outcome) => outcome,
            Answer::Refused(error) => Err(error),
            Answer::Later(work) => return self.answer_later(id, method, work, standing, asked),
        };
        let body = written(&id, &outcome);
        // No user is asked for what goes in turn, and the call may need it as much as any other answer.
        let may_need_user = asked.is_some() && self.http.authorizer().is_some();
        if body.len() <= MAX_IN_TURN && !may_need_user {
            self.post_in(standing.clone(), method.into(), body.into());
        } else {
            self.answer_later(id, method, ready(outcome).boxed(), standing, asked);
        }
    }

    /// Answers when the work is done, unless the server cancels it or the client closes before.
    fn answer_later(
        self: &Arc<Self>,
        id: RequestId,
        method: &'static str,
        work: BoxFuture<'static, Outcome>,
        standing: &Standing,
        asked: Option<&Asked>,
    ) {
        let (work, abort) = abortable(work);
        let Some(place) = self.serving.enter(id.clone(), abort) else {
            let message = format!("too many requests in flight (limit {})", self.serving.limit);
            let body = written(&id, &Err(ErrorObject::internal(message))).into();
            return self.post_in(standing.clone(), method.into(), body);
        };
        let standing = standing.clone();
        let served = Served { shared: self.clone(), place, owed: asked.map(Asked::enter) };
        self.spawn(async move {
            let Ok(outcome) = work.await else { return };
            let shared = &served.shared;
            // It is never closed.
            let _turn = shared.serving.posts.acquire().await;
            let effort = served.owed.as_ref().map_or(Effort::Quiet, Owed::effort);
            let head = Head { effort, ..standing.head(method) };
            let post = shared.http.post(head, written(&id, &outcome).into());
            match within_rest(shared.http.authorizer(), ANSWER_PATIENCE, post).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::debug!("the answer to {method} did not reach the server: {}", to_error(error));
                }
                Err(_) => tracing::debug!("the server did not take the answer to {method} in time"),
            }
        });
    }
}

/// A request that is at work on until this is dropped.
struct Served {
    shared: Arc<Shared>,
    place: u64,
    /// What the call waits for on whose stream the request came, if it came on one.
    owed: Option<Owed>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shared.serving.leave(self.place);
    }
}

fn written(id: &RequestId, outcome: &Outcome) -> Vec<u8> {
    let mut body = Vec::new();
    match outcome {
        Ok(result) => write_result(&mut body, id, result),
        Err(error) => write_error(&mut body, Some(id), error),
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_is_bounded_and_cancelled_by_its_id() {
        let serving = Serving::new(2, 1);
        let pending = || abortable(std::future::pending::<()>()).1;
        let (first, second) = (pending(), pending());
        let id = RequestId::Number(1);
        let place = serving.enter(id.clone(), first.clone()).unwrap();
        serving.enter(RequestId::Number(2), second.clone()).unwrap();
        assert!(serving.enter(RequestId::Number(3), pending()).is_none());
        serving.cancel(&id);
        assert!(first.is_aborted() && !second.is_aborted());
        serving.leave(place);
        assert!(serving.enter(id, pending()).is_some());
    }
}
