use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxmcp_proto::jsonrpc::{Message, MethodName, RawJson, RequestId, write_request};
use oxmcp_proto::link::{CallError, Patience};
use oxmcp_proto::{Era, Method};

use super::asked::Asked;
use super::failure::CallFailure;
use super::in_flight::InFlight;
use super::standing::{Standing, lock};
use super::{Shared, hear, progress_of};
use crate::auth::Authorizer;
use crate::client::params::Params;
use crate::client::retries::Retries;
use crate::client::{Call, Inner};
use crate::transport::http::{Fate, Head, HttpError, Response, Sending, Turn};
use crate::{Error, Result, clock};

/// A call on its way to its answer, in as many exchanges as that takes.
pub(super) struct Asking<'a> {
    shared: &'a Arc<Shared>,
    inner: &'a Inner,
    call: &'a Call,
    params: Params<'a>,
    patience: Patience,
    started: Instant,
    asked: Asked,
    state: Mutex<State>,
}

struct State {
    /// When the server was last heard of.
    heard: Instant,
    /// Whether a connection is still waited for.
    is_queued: bool,
    /// The request on its way.
    sending: Option<Arc<Sending>>,
    /// An earlier one came to nothing that is known.
    is_unknown: bool,
}

/// One exchange: the request under its id, and where it is posted.
struct Exchange<'a> {
    head: Head<'a>,
    number: i64,
    body: Bytes,
    turn: Turn<'a>,
    sending: Arc<Sending>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, inner: &'a Inner, call: &'a Call, params: Params<'a>) -> Self {
        let started = clock::now();
        let state = State { heard: started, is_queued: false, sending: None, is_unknown: false };
        let (patience, asked, state) = (call.patience(inner), Asked::default(), Mutex::new(state));
        Self { shared, inner, call, params, patience, started, asked, state }
    }

    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// When the server was last heard of, or had nothing to say yet.
    pub(super) fn last_heard(&self) -> Instant {
        // What a user takes to authorize is not the server's time.
        if self.shared.http.authorizer().is_some_and(Authorizer::is_at_work) {
            return clock::now();
        }
        let heard = {
            let state = lock(&self.state);
            if state.is_queued { clock::now() } else { state.heard }
        };
        self.asked.last_heard(heard)
    }

    /// An error that ends the call, with what is known of the call.
    pub(super) fn failed(&self, error: Error) -> Error {
        let state = lock(&self.state);
        let is_sent = state.sending.as_ref().is_some_and(|sending| sending.is_sent());
        error.running(state.is_unknown || is_sent)
    }

    /// Asks until there is an answer, or a failure after which the call must not be sent again.
    pub(super) async fn run(&self) -> Result<RawJson> {
        let is_stream = self.call.method == MethodName::Known(Method::Listen);
        // Whoever listens knows when to do so again.
        let mut retries = Retries::new(if is_stream { 0 } else { self.inner.limits.retries });
        loop {
            let failure = match self.exchange().await {
                Ok(result) => return Ok(result),
                Err(failure) => failure,
            };
            let fate = {
                let mut state = lock(&self.state);
                let sending = state.sending.take();
                let fate = failure.fate(sending.is_some_and(|sending| sending.is_sent()));
                state.is_unknown |= fate == Fate::Unknown;
                fate
            };
            let may_repeat = failure.is_passing()
                && (fate == Fate::Untaken || self.call.is_repeatable(&self.inner.catalog));
            let pause = if may_repeat { retries.next(failure.retry_after()) } else { None };
            match pause {
                Some(pause) if self.has_time_for(pause) => {
                    tracing::debug!(method = self.call.method.as_str(), ?pause, "a call is sent again");
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(self.failed(failure.into())),
            }
        }
    }

    /// Whether the call may still wait so long. What a server asks for may be longer than any clock goes on.
    fn has_time_for(&self, pause: Duration) -> bool {
        let due = self.patience.due(self.started, self.last_heard());
        clock::now().checked_add(pause).is_some_and(|again| again < due)
    }

    /// Sends the request, and waits for the answer.
    async fn exchange(&self) -> Result<RawJson, CallFailure> {
        let Self { shared, inner, call, .. } = self;
        let version = inner.negotiated.version;
        let turn = self.turn().await?;
        let number = shared.next_id();
        let mut body = Vec::with_capacity(call.params.as_bytes().len() + 512);
        let meta = call.meta_members(inner, number);
        let id = RequestId::Number(number);
        write_request(&mut body, &id, call.method.as_str(), |out| self.params.write(&meta, out));
        let name = if version.wire().method_headers { call.name() } else { None };
        let params = match call.method {
            MethodName::Known(Method::CallTool) => inner.catalog.headers(&call.params),
            _ => Vec::new(),
        };
        let standing = shared.standing().clone();
        let sending = Arc::<Sending>::default();
        lock(&self.state).sending = Some(sending.clone());
        // In the stateless era, a lost connection says that nobody waits any more.
        let (in_flight, answered) = match version.era() {
            Era::Handshake => {
                let (in_flight, answered) = InFlight::new(shared, number, sending.clone());
                (Some(in_flight), Some(answered))
            }
            Era::Stateless => (None, None),
        };
        let answered_elsewhere = async {
            match answered {
                Some(answered) => answered.await,
                None => pending().await,
            }
        };
        let head = standing.head(call.method.as_str());
        let head = Head { name: name.as_deref(), params: &params, effort: call.effort, ..head };
        let exchange = Exchange { head, number, body: body.into(), turn, sending };
        let settled = tokio::select! {
            biased;
            settled = self.answer(exchange, &standing) => settled,
            Ok(outcome) = answered_elsewhere => Ok(Response { outcome, session: None }),
        };
        // A server whose answer was lost on the way, or is none, may still be at work.
        let is_answered = match &settled {
            Ok(_) | Err(CallFailure::SessionEnded | CallFailure::NoSession(_)) => true,
            Err(CallFailure::Http(error)) => matches!(error, HttpError::Status { .. }),
            Err(CallFailure::Call(_) | CallFailure::Queued { .. }) => false,
        };
        if let (Some(in_flight), true) = (in_flight, is_answered) {
            in_flight.settle();
        }
        let result = settled?.outcome.map_err(CallError::Rpc)?;
        if let (Era::Handshake, MethodName::Known(method)) = (version.era(), &call.method) {
            shared.kept.note(*method, &call.params);
        }
        Ok(result)
    }

    /// Waits for a connection. That is not the server's silence.
    async fn turn(&self) -> Result<Turn<'a>, CallFailure> {
        if self.call.method == MethodName::Known(Method::Listen) {
            return Ok(Turn::BESIDE);
        }
        let shared: &'a Shared = self.shared;
        if let Some(turn) = shared.http.try_turn() {
            return Ok(turn);
        }
        lock(&self.state).is_queued = true;
        let turn = tokio::time::timeout(self.patience.silence, shared.http.turn()).await;
        let mut state = lock(&self.state);
        state.is_queued = false;
        state.heard = clock::now();
        turn.map_err(|_| CallFailure::Queued { after: self.patience.silence })
    }

    async fn answer(&self, exchange: Exchange<'_>, standing: &Standing) -> Result<Response, CallFailure> {
        let Exchange { head, number, body, turn, sending } = exchange;
        let (shared, id) = (self.shared, RequestId::Number(number));
        let era = self.inner.negotiated.version.era();
        let mut on_message = |message| self.hear(message, number, standing, era);
        let sent = Some(sending.clone());
        let answer = shared.http.exchange(head, &id, body.clone(), sent, turn, &mut on_message).await;
        match answer.map_err(|error| CallFailure::of(error, standing.session.is_some())) {
            // The server did not know the session, so it did not run the call either.
            Err(CallFailure::SessionEnded) => {
                Box::pin(self.answer_in_new_session(standing, head, &id, body, number, era)).await
            }
            answer => answer,
        }
    }

    /// Sends a request again that met the end of its session, in a new one. Only once: a server that ends that as well has its reasons.
    async fn answer_in_new_session(
        &self,
        lost: &Standing,
        head: Head<'_>,
        id: &RequestId,
        body: Bytes,
        number: i64,
        era: Era,
    ) -> Result<Response, CallFailure> {
        let shared = self.shared;
        let sending = Arc::<Sending>::default();
        lock(&self.state).sending = Some(sending.clone());
        shared.flights.resend(number, sending.clone());
        shared.renew(lost, head.effort).await.map_err(CallFailure::NoSession)?;
        let standing = shared.standing().clone();
        let head = Head { session: standing.session.as_ref(), ..head };
        let mut on_message = |message| self.hear(message, number, &standing, era);
        let turn = shared.http.turn().await;
        let answer = shared.http.exchange(head, id, body, Some(sending), turn, &mut on_message).await;
        answer.map_err(|error| CallFailure::of(error, standing.session.is_some()))
    }

    /// Takes a message that comes before the answer, on the same stream.
    fn hear(&self, message: Message, number: i64, standing: &Standing, era: Era) {
        lock(&self.state).heard = clock::now();
        let progress = self.call.progress.as_ref();
        let Some(message) = self.shared.admit(message, Some((number, progress))) else { return };
        let heard = match &message {
            Message::Notification(notification) => progress_of(notification, number),
            _ => None,
        };
        match heard {
            Some(params) => hear(progress, params.progress),
            None => self.shared.take_admitted(message, era, standing, Some(&self.asked)),
        }
    }
}
