use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::{BoxFuture, join_all};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{
    ErrorObject, InvalidMessage, Message, MethodName, Notification, Request, codes, write_error, write_result,
};
use oxmcp_proto::model::CancelledParams;
use tokio::runtime::Handle;

use super::accept::Accepts;
use super::answer::answer;
use super::asks::Aside;
use super::budget::{Admission, Budget};
use super::endpoint::unknown_session;
use super::exchange::Exchange;
use super::headers::{self, SESSION_ID};
use super::outbox::{End, Outbox};
use super::receive::SMALL;
use super::resumption::Resumption;
use super::session::{Grounded, HttpSession, InFlight};
use super::sessions::Sessions;
use super::sse::write_event;
use super::subject::Subject;
use super::visitor::Visitor;
use super::{HttpBody, reply};
use crate::server::{Answer, Caller, Core, Outcome, Peer};

/// The handshake era: `initialize` opens a session, and everything else belongs to one.
pub(super) struct Handshakes {
    core: Arc<Core>,
    budget: Arc<Budget>,
    pub(super) sessions: Sessions,
}

impl Handshakes {
    pub(super) fn new(core: Arc<Core>, resumption: Option<Resumption>, budget: Arc<Budget>) -> Self {
        let sessions = Sessions::new(&core.limits, resumption);
        Self { core, budget, sessions }
    }

    /// Opens a session.
    pub(super) async fn initialize(
        &self,
        visitor: &Visitor,
        request: Request,
        accepts: Accepts,
    ) -> Response<HttpBody> {
        let id = request.id.clone();
        let opened = match &self.core.layers {
            None => self.core.initialize(&request).map(|(session, result)| (Some(session), result)),
            Some(layers) => self.core.open_in_layers(layers, request).await,
        };
        match opened {
            Ok((session, result)) => {
                let mut response = answer(&id, &Ok(result), accepts);
                if let Some(handshake) = session {
                    visitor.own(&handshake);
                    let wire_id = handshake.clone();
                    let session = self.sessions.open(handshake);
                    if let (Some(_), Ok(id)) = (&self.core.layers, session.to_str()) {
                        // It is open, and has no other.
                        let _ = wire_id.wire_id.set(id.into());
                    }
                    response.headers_mut().insert(SESSION_ID, session);
                }
                response
            }
            Err(error) => answer(&id, &Err(error), accepts),
        }
    }

    /// The session with an id, if it is the visitor's own.
    pub(super) fn session(&self, visitor: &Visitor, id: &HeaderValue) -> Option<Arc<HttpSession>> {
        self.sessions.find(id).filter(|session| visitor.owns(&session.handshake))
    }

    /// Answers a request of a session, whose message has `size` bytes. A handler that takes its time becomes a task: here a lost connection does not mean that the
    /// client no longer wants the answer (2025-11-25, transports, "Sending Messages to the Server").
    pub(super) async fn answer(
        &self,
        visitor: &Visitor,
        session: &HeaderValue,
        request: Request,
        size: usize,
        accepts: Accepts,
    ) -> Response<HttpBody> {
        let Some(session) = self.session(visitor, session) else { return unknown_session(Some(&request.id)) };
        let id = request.id.clone();
        let mut outbox = None;
        let peer = || -> Arc<dyn Peer> {
            match accepts.events {
                true => outbox.insert(Outbox::of_request(&session, id.clone())).clone(),
                false => Arc::new(Aside(session.clone())),
            }
        };
        match self.begin(visitor, &session, request, size, peer) {
            Ok(Begun::Answered(outcome)) => answer(&id, &outcome, accepts),
            Ok(Begun::Working(mut work, in_flight)) => {
                let outbox = outbox.unwrap_or_default();
                match poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
                    Poll::Ready(outcome) => {
                        drop(in_flight);
                        outbox.end(End::Answer(outcome));
                    }
                    Poll::Pending => spawn(work, in_flight, outbox.clone()),
                }
                Exchange::elsewhere(id, outbox).respond(accepts).await
            }
            Err(Refusal::NoSession) => unknown_session(Some(&id)),
            Err(Refusal::Busy(why)) => reply::busy(Some(&id), &why),
            Err(Refusal::Error(error)) => reply::error(StatusCode::BAD_REQUEST, Some(&id), &error),
        }
    }

    /// Takes a message of a session that is no request, and has `size` bytes.
    pub(super) async fn take(
        &self,
        visitor: &Visitor,
        session: &HeaderValue,
        message: Message,
        size: usize,
        accepts: Accepts,
    ) -> Response<HttpBody> {
        let Some(session) = self.session(visitor, session) else { return unknown_session(None) };
        match message {
            Message::Batch(_) if !session.handshake.version.wire().batches => {
                let why = format!("revision {} has no batches", session.handshake.version);
                reply::invalid(StatusCode::BAD_REQUEST, None, why)
            }
            Message::Batch(members) => self.answer_batch(visitor, &session, members, size, accepts).await,
            Message::Notification(notification) => {
                self.take_notification(&session, notification);
                reply::empty(StatusCode::ACCEPTED)
            }
            Message::Response(response) => {
                session.settle(response);
                reply::empty(StatusCode::ACCEPTED)
            }
            Message::Request(_) => reply::empty(StatusCode::ACCEPTED),
        }
    }

    /// Settles what was asked in a session, if that is what a message was meant to answer that is none.
    pub(super) fn settle_invalid(&self, visitor: &Visitor, headers: &HeaderMap, invalid: &InvalidMessage) {
        if let (Some(id), Ok(Some(session))) = (invalid.answers(), headers::only(headers, &SESSION_ID))
            && let Some(session) = self.session(visitor, session)
        {
            session.settle_invalid(id, invalid);
        }
    }

    /// Answers a batch with the array of its answers.
    async fn answer_batch(
        &self,
        visitor: &Visitor,
        session: &Arc<HttpSession>,
        members: Vec<Result<Message, InvalidMessage>>,
        size: usize,
        accepts: Accepts,
    ) -> Response<HttpBody> {
        let share = size / members.len().max(1);
        let answers = members.into_iter().map(|member| self.answer_member(visitor, session, member, share));
        let answers: Vec<Vec<u8>> = join_all(answers).await.into_iter().flatten().collect();
        if answers.is_empty() {
            return reply::empty(StatusCode::ACCEPTED);
        }
        let mut array = vec![b'['];
        array.extend_from_slice(&answers.join(&b','));
        array.push(b']');
        if accepts.json {
            return reply::json(StatusCode::OK, array);
        }
        let mut event = Vec::with_capacity(array.len() + 16);
        write_event(&mut event, |out| out.extend_from_slice(&array));
        reply::whole_events(event)
    }

    async fn answer_member(
        &self,
        visitor: &Visitor,
        session: &Arc<HttpSession>,
        member: Result<Message, InvalidMessage>,
        size: usize,
    ) -> Option<Vec<u8>> {
        let (id, outcome) = match member {
            Ok(Message::Request(request)) => {
                let id = request.id.clone();
                let outcome = self.serve_member(visitor, session, request, size).await?;
                (Some(id), outcome)
            }
            Ok(Message::Notification(notification)) => {
                self.take_notification(session, notification);
                return None;
            }
            Ok(Message::Response(response)) => {
                session.settle(response);
                return None;
            }
            Ok(Message::Batch(_)) => return None,
            Err(invalid) => {
                if let Some(id) = invalid.answers() {
                    session.settle_invalid(id, &invalid);
                }
                (invalid.id, Err(invalid.error))
            }
        };
        let mut out = Vec::new();
        match (&id, &outcome) {
            (Some(id), Ok(result)) => write_result(&mut out, id, result),
            (id, Err(error)) => write_error(&mut out, id.as_ref(), error),
            (None, Ok(_)) => return None,
        }
        Some(out)
    }

    /// Serves a request of a batch; `None` when it is cancelled.
    async fn serve_member(
        &self,
        visitor: &Visitor,
        session: &Arc<HttpSession>,
        request: Request,
        size: usize,
    ) -> Option<Outcome> {
        if request.method == MethodName::Known(Method::Initialize) {
            return Some(Err(invalid_request("`initialize` must not be in a batch".to_owned())));
        }
        // A request of the stateless era has headers of its own to be checked against.
        let subject = match Subject::of(request.params.as_ref()) {
            Ok(subject) => subject,
            Err(error) => return Some(Err(error)),
        };
        if subject.version().is_some() {
            return Some(Err(invalid_request("a stateless request must not be in a batch".to_owned())));
        }
        // The response has one status for all of them, so this one is told in its own answer.
        if let Err(refusal) = visitor.may_ask(&self.core, &request.method, &subject) {
            return Some(Err(invalid_request(refusal.words())));
        }
        let id = request.id.clone();
        match self.begin(visitor, session, request, size, || Arc::new(Aside(session.clone()))) {
            Ok(Begun::Answered(outcome)) => Some(outcome),
            Ok(Begun::Working(work, in_flight)) => {
                let outbox = Arc::<Outbox>::default();
                spawn(work, in_flight, outbox.clone());
                Exchange::elsewhere(id, outbox).outcome().await
            }
            Err(Refusal::NoSession) => None,
            Err(Refusal::Busy(why)) => Some(Err(ErrorObject::internal(why))),
            Err(Refusal::Error(error)) => Some(Err(error)),
        }
    }

    /// Takes a notification, by way of the layers if there are some.
    fn take_notification(&self, session: &Arc<HttpSession>, notification: Notification) {
        let handshake = Some(&session.handshake);
        let admitted = match self.core.inlet(notification.params.as_ref(), handshake) {
            None => Some(notification),
            Some(inlet) => {
                let session = session.clone();
                let later = move |notification| take_notification(&session, &notification);
                inlet.admit(notification, &Handle::current(), later)
            }
        };
        if let Some(notification) = admitted {
            take_notification(session, &notification);
        }
    }

    fn begin(
        &self,
        visitor: &Visitor,
        session: &Arc<HttpSession>,
        request: Request,
        size: usize,
        peer: impl FnOnce() -> Arc<dyn Peer>,
    ) -> Result<Begun, Refusal> {
        let bytes = if size > SMALL { size } else { 0 };
        let in_flight = session.take_off(&request.id, bytes).map_err(|grounded| match grounded {
            Grounded::Ended => Refusal::NoSession,
            Grounded::Duplicate => {
                let why = format!("the id {} is of a request still in flight in this session", request.id);
                Refusal::Error(invalid_request(why))
            }
        })?;
        let Some(admission) = self.budget.admit(in_flight.others) else {
            return Err(Refusal::Busy(self.budget.too_many()));
        };
        if !self.budget.has_room_beside(in_flight.other_bytes) {
            return Err(Refusal::Busy(self.budget.too_large()));
        }
        let caller = Caller { session: Some(&session.handshake), auth: visitor.auth() };
        match self.core.answer(request, caller, peer) {
            Answer::Ready(outcome) => Ok(Begun::Answered(outcome)),
            // A session's client reads 404 as the end of the session, so the status says nothing here.
            Answer::Refused(error) => Ok(Begun::Answered(Err(error))),
            Answer::Later(work) => Ok(Begun::Working(work, (in_flight, admission))),
        }
    }
}

enum Begun {
    Answered(Outcome),
    Working(BoxFuture<'static, Outcome>, (InFlight, Admission)),
}

enum Refusal {
    NoSession,
    /// There is no room for it now.
    Busy(String),
    Error(ErrorObject),
}

fn invalid_request(message: String) -> ErrorObject {
    ErrorObject::new(codes::INVALID_REQUEST, message)
}

fn take_notification(session: &HttpSession, notification: &Notification) {
    if notification.method != MethodName::Known(Method::Cancelled) {
        return;
    }
    if let Some(params) = &notification.params
        && let Ok(CancelledParams { request_id: Some(request_id), .. }) = params.to()
    {
        session.cancel(&request_id);
    }
}

/// Runs a handler until it is done or cancelled; the answer goes into the outbox.
fn spawn(work: BoxFuture<'static, Outcome>, in_flight: (InFlight, Admission), outbox: Arc<Outbox>) {
    /// Ends the outbox when the task is aborted.
    struct EndOnDrop(Arc<Outbox>);

    impl Drop for EndOnDrop {
        fn drop(&mut self) {
            self.0.end(End::Silent);
        }
    }

    let (in_flight, admission) = in_flight;
    let in_flight = Arc::new(in_flight);
    let kept = in_flight.clone();
    let end = EndOnDrop(outbox.clone());
    let task = tokio::spawn(async move {
        let outcome = work.await;
        drop(admission);
        // It leaves the table last: until then, whoever resumes the stream finds it there.
        kept.answered();
        end.0.end_flight(End::Answer(outcome), kept);
    });
    in_flight.attach(task.abort_handle(), outbox);
}
