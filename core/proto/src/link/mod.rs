//! JSON-RPC linking as a state machine: which call an answer belongs to, what is in flight both ways, and when to stop
//! waiting.
//!
//! A [`Link`] is one end of a stream of messages in both directions (stdio, a socket, memory). It does no I/O and reads no
//! clock: its owner feeds it messages and instants, sends the lines it writes, and hands on what settles.

mod batch;
mod call;
mod close;
mod deadline;
mod event;
mod limits;
mod stray;
mod ticket;
mod transmit;

#[cfg(test)]
mod tests;

use std::collections::hash_map::Entry;
use std::mem;
use std::time::Instant;

use rustc_hash::FxHashMap;

pub use call::{CallError, CallId, CallOptions, Patience, Refusal};
pub use close::CloseReason;
pub use event::Event;
pub use limits::Limits;
pub use stray::Stray;
pub use ticket::Ticket;
pub use transmit::Transmit;

use crate::jsonrpc::{
    ErrorObject, InvalidMessage, Message, MethodName, Notification, RawJson, Request, RequestId, Response,
    codes, write_error, write_notification, write_request, write_result, write_result_head,
};
use crate::methods::Method;
use crate::model::{CancelledParams, ProgressParams};
use batch::{BatchId, Batches};
use deadline::Deadlines;

/// One end of a stream of messages.
///
/// `C` is what the owner wants back when a call of its own settles; `S` is what it wants back when the peer cancels a request
/// that the owner is serving.
///
/// ```
/// use std::time::{Duration, Instant};
/// use oxmcp_proto::jsonrpc::{parse, RawJson};
/// use oxmcp_proto::link::{CallOptions, Event, Limits, Link};
///
/// let now = Instant::now();
/// let mut client: Link<&str, ()> = Link::new(Limits::default());
/// let mut server: Link<(), ()> = Link::new(Limits::default());
///
/// client.call(now, "ping", CallOptions::default(), "my ping", |_, params| params.extend_from_slice(b"{}")).unwrap();
/// let line = client.take_transmit().unwrap();
/// let Some(Event::Request { ticket, .. }) = server.handle_message(now, parse(line.into(), 64).unwrap()) else { panic!() };
/// server.respond(&ticket, Ok(&RawJson::empty_object()));
/// let line = server.take_transmit().unwrap();
/// let Some(Event::Settled { context, outcome }) = client.handle_message(now, parse(line.into(), 64).unwrap()) else { panic!() };
/// assert_eq!((context, outcome.unwrap().as_str()), ("my ping", "{}"));
/// ```
#[derive(Debug)]
pub struct Link<C, S> {
    limits: Limits,
    next_id: i64,
    /// Calls with a lower id were taken to be sent.
    taken_below: i64,
    /// The same before the last time that lines were taken.
    taken_before: i64,
    calls: FxHashMap<i64, Call<C>>,
    serving: FxHashMap<RequestId, Serving<S>>,
    /// Bytes of the parameters and ids of what is in `serving`.
    serving_bytes: usize,
    next_serial: u64,
    batches: Batches,
    deadlines: Deadlines,
    unsent: Transmit,
    /// How many of the bytes in `unsent` are answers.
    unsent_answers: usize,
    /// The parameters of cancellations that the owner wants to send itself.
    cancellations: Option<Vec<RawJson>>,
    closed: Option<CloseReason>,
}

#[derive(Debug)]
struct Call<C> {
    context: C,
    patience: Patience,
    started: Instant,
    due: Instant,
    cancellable: bool,
}

#[derive(Debug)]
struct Serving<S> {
    serial: u64,
    /// What [`Event::Cancelled`] gives back.
    token: Option<S>,
    bytes: usize,
    batch: Option<BatchId>,
}

impl<C, S> Link<C, S> {
    /// A link with nothing in flight.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            next_id: 1,
            taken_below: 1,
            taken_before: 1,
            calls: FxHashMap::default(),
            serving: FxHashMap::default(),
            serving_bytes: 0,
            next_serial: 1,
            batches: Batches::default(),
            deadlines: Deadlines::default(),
            unsent: Transmit::default(),
            unsent_answers: 0,
            cancellations: None,
            closed: None,
        }
    }

    // --- This side calls ---

    /// Sends a request. `params` writes the parameters object; it gets the id, which is also the call's progress token.
    ///
    /// The call settles exactly once: through [`Event::Settled`], [`handle_timeout`](Self::handle_timeout),
    /// [`cancel`](Self::cancel) or [`close`](Self::close). On an error here it was never made, and the context comes back.
    pub fn call(
        &mut self,
        now: Instant,
        method: &str,
        options: CallOptions,
        context: C,
        params: impl FnOnce(CallId, &mut Vec<u8>),
    ) -> Result<CallId, (C, CallError)> {
        if let Some(reason) = &self.closed {
            return Err((context, CallError::Unsent(reason.clone())));
        }
        if self.calls.len() >= self.limits.calls || self.unsent.len() >= self.limits.unsent {
            return Err((context, CallError::Overloaded));
        }
        let id = CallId(self.next_id);
        self.next_id += 1;
        let due = options.patience.due(now, now);
        self.deadlines.push(due, id.0);
        self.calls.insert(
            id.0,
            Call { context, patience: options.patience, started: now, due, cancellable: options.cancellable },
        );
        // Settled calls leave their deadlines behind.
        self.prune_deadlines();
        let out = self.unsent.bytes();
        write_request(out, &RequestId::Number(id.0), method, |out| params(id, out));
        out.push(b'\n');
        Ok(id)
    }

    /// What a call in flight was made with.
    pub fn context(&self, call: CallId) -> Option<&C> {
        self.calls.get(&call.0).map(|call| &call.context)
    }

    /// Stops waiting for a call and tells the peer. Returns what it was made with, or `None` when it has settled.
    pub fn cancel(&mut self, call: CallId, reason: &str) -> Option<C> {
        let settled = self.calls.remove(&call.0)?;
        if settled.cancellable {
            self.send_cancelled(call.0, reason);
        }
        Some(settled.context)
    }

    /// Settles a call whose answer arrived and cannot be used, without telling the peer. For a transport that had to drop it.
    pub fn settle(&mut self, id: &RequestId) -> Option<C> {
        self.calls.remove(&id.as_number()?).map(|call| call.context)
    }

    /// Leaves it to the owner to tell the peer what is not waited for any more: from now on `notifications/cancelled` is not sent; what it
    /// would say is there to be [taken](Self::take_cancellations).
    pub fn hand_out_cancellations(&mut self) {
        self.cancellations.get_or_insert_default();
    }

    /// The parameters of `notifications/cancelled` for each call that was given up since the last time.
    pub fn take_cancellations(&mut self) -> Vec<RawJson> {
        self.cancellations.as_mut().map(mem::take).unwrap_or_default()
    }

    /// The number of calls in flight.
    pub fn calls_in_flight(&self) -> usize {
        self.calls.len()
    }

    /// Sends a notification; dropped when too much is unsent or the link is closed. `params` writes the parameters object.
    pub fn notify(&mut self, method: &str, params: impl FnOnce(&mut Vec<u8>)) -> bool {
        if self.closed.is_some() || self.unsent.len() >= self.limits.unsent {
            return false;
        }
        let out = self.unsent.bytes();
        write_notification(out, method, params);
        out.push(b'\n');
        true
    }

    // --- The peer calls ---

    /// Keeps what [`Event::Cancelled`] gives back, for a request that takes time. False when it is no longer waited for; `token` is
    /// dropped then.
    pub fn attach(&mut self, ticket: &Ticket, token: S) -> bool {
        match self.serving.get_mut(ticket.id()) {
            Some(serving) if serving.serial == ticket.serial => {
                serving.token = Some(token);
                true
            }
            _ => false,
        }
    }

    /// Answers a request of the peer. False, and nothing is sent, when it is no longer waited for: it was answered or cancelled.
    ///
    /// An id is in flight once at a time: a second request under it is refused when it arrives. The peer may use it again when the
    /// first is answered or cancelled; an answer to the first that comes late then is not taken for one to the second, because their
    /// tickets differ.
    pub fn respond(&mut self, ticket: &Ticket, outcome: Result<&RawJson, &ErrorObject>) -> bool {
        let Some(serving) = self.take_serving(ticket) else { return false };
        if self.closed.is_some() {
            return false;
        }
        let id = ticket.id();
        match outcome {
            Ok(result) if serving.batch.is_none() && is_piece(result) => self.write_piece(id, result),
            outcome => self.write_answer(serving.batch, |out| match outcome {
                Ok(result) => write_result(out, id, result),
                Err(error) => write_error(out, Some(id), error),
            }),
        }
        self.leave_batch(serving.batch);
        true
    }

    /// Whether a request of the peer is being served.
    pub fn is_serving(&self, ticket: &Ticket) -> bool {
        self.serving.get(ticket.id()).is_some_and(|serving| serving.serial == ticket.serial)
    }

    /// The number of the peer's requests that are being served.
    pub fn serving(&self) -> usize {
        self.serving.len()
    }

    /// Tells the peer that something it sent is no message.
    pub fn reject(&mut self, invalid: &InvalidMessage) {
        if self.closed.is_none() && self.unsent.len() < self.limits.unsent {
            self.write_answer(self.batches.reading(), |out| {
                write_error(out, invalid.id.as_ref(), &invalid.error);
            });
        }
    }

    /// Begins a batch (2025-03-26): until [`end_batch`](Self::end_batch), what [`handle_message`](Self::handle_message) and
    /// [`reject`](Self::reject) take is its members. Their answers go back as one array when the last is there, or as several when they
    /// grow large (JSON-RPC 2.0, section 6). A batch without requests gets no answer.
    pub fn begin_batch(&mut self) {
        self.batches.begin();
    }

    /// Ends the batch that was begun last: all of its members were handled.
    pub fn end_batch(&mut self) {
        let batch = self.batches.end();
        self.leave_batch(batch);
    }

    fn take_serving(&mut self, ticket: &Ticket) -> Option<Serving<S>> {
        if !self.is_serving(ticket) {
            return None;
        }
        self.remove_serving(ticket.id())
    }

    fn remove_serving(&mut self, id: &RequestId) -> Option<Serving<S>> {
        let serving = self.serving.remove(id)?;
        self.serving_bytes -= serving.bytes;
        Some(serving)
    }

    /// Writes an answer around a result that is sent from where it lies.
    fn write_piece(&mut self, id: &RequestId, result: &RawJson) {
        let before = self.unsent.len();
        write_result_head(self.unsent.bytes(), id);
        self.unsent.push(result.clone().into_bytes());
        self.unsent.bytes().extend_from_slice(b"}\n");
        self.unsent_answers += self.unsent.len() - before;
    }

    fn write_answer(&mut self, batch: Option<BatchId>, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.unsent.len();
        match batch {
            None => {
                write(self.unsent.bytes());
                self.unsent.bytes().push(b'\n');
            }
            Some(batch) => self.batches.add(batch, write, self.unsent.bytes()),
        }
        self.unsent_answers += self.unsent.len() - before;
    }

    /// One thing less that a batch waits for.
    fn leave_batch(&mut self, batch: Option<BatchId>) {
        let Some(batch) = batch else { return };
        let before = self.unsent.len();
        self.batches.leave(batch, self.unsent.bytes());
        self.unsent_answers += self.unsent.len() - before;
    }

    // --- What happens ---

    /// Takes a message of the peer, read with [`parse_frugally`](crate::jsonrpc::parse_frugally), or else what it keeps alive is not what
    /// is counted. A [`Message::Batch`] is the owner's to take apart, member by member, where the revision has it.
    pub fn handle_message(&mut self, now: Instant, message: Message) -> Option<Event<C, S>> {
        if self.closed.is_some() {
            return None;
        }
        match message {
            Message::Request(request) => self.handle_request(request),
            Message::Notification(notification) => Some(self.handle_notification(now, notification)),
            Message::Response(response) => Some(self.handle_response(response)),
            Message::Batch(_) => {
                self.reject(&InvalidMessage::new(ErrorObject::new(
                    codes::INVALID_REQUEST,
                    "this protocol version has no batches",
                )));
                None
            }
        }
    }

    fn handle_request(&mut self, request: Request) -> Option<Event<C, S>> {
        // Read frugally, parameters keep no more alive than about what they are.
        let params = request.params.as_ref().map_or(0, |params| params.as_bytes().len());
        let bytes = params + request.id.heap_bytes();
        let batch = self.batches.reading();
        let error = if self.serving.len() >= self.limits.serving {
            ErrorObject::internal(format!("too many requests in flight (limit {})", self.limits.serving))
        } else if self.serving_bytes > 0 && self.serving_bytes + bytes > self.limits.serving_bytes {
            let limit = self.limits.serving_bytes;
            ErrorObject::internal(format!("the requests in flight are too large (limit {limit} bytes)"))
        } else {
            match self.serving.entry(request.id.clone()) {
                Entry::Vacant(slot) => {
                    let serial = self.next_serial;
                    slot.insert(Serving { serial, token: None, bytes, batch });
                    self.next_serial += 1;
                    self.serving_bytes += bytes;
                    self.batches.join(batch);
                    let ticket = Ticket::new(request.id.clone(), serial);
                    return Some(Event::Request { request, ticket });
                }
                Entry::Occupied(_) => ErrorObject::new(
                    codes::INVALID_REQUEST,
                    format!("the id {} is of a request still in flight", request.id),
                ),
            }
        };
        self.write_answer(batch, |out| write_error(out, Some(&request.id), &error));
        None
    }

    fn handle_notification(&mut self, now: Instant, notification: Notification) -> Event<C, S> {
        let stray = |method| Event::Stray(Stray::Notification(method));
        match notification.method {
            MethodName::Known(Method::Progress) => match self.touch(now, notification.params.as_ref()) {
                Some(call) => Event::Progress {
                    call,
                    params: notification.params.unwrap_or_else(RawJson::empty_object),
                },
                None => stray(Method::Progress),
            },
            MethodName::Known(Method::Cancelled) => {
                let params =
                    notification.params.as_ref().and_then(|params| params.to::<CancelledParams>().ok());
                let id = params.and_then(|params| params.request_id);
                let Some(serving) = id.and_then(|id| self.remove_serving(&id)) else {
                    return stray(Method::Cancelled);
                };
                self.leave_batch(serving.batch);
                match serving.token {
                    Some(token) => Event::Cancelled(token),
                    // A request that was not attached has nothing to give back; it is forgotten all the same.
                    None => stray(Method::Cancelled),
                }
            }
            _ => Event::Notification(notification),
        }
    }

    /// Progress of a call in flight starts its silence anew.
    fn touch(&mut self, now: Instant, params: Option<&RawJson>) -> Option<CallId> {
        let params: ProgressParams = params?.to().ok()?;
        let RequestId::Number(id) = params.progress_token else { return None };
        let call = self.calls.get_mut(&id)?;
        // The entry in `deadlines` stays where it is; when it comes up, `handle_timeout` looks at `due`.
        call.due = call.patience.due(call.started, now);
        Some(CallId(id))
    }

    fn handle_response(&mut self, response: Response) -> Event<C, S> {
        let Some(id) = response.id else {
            // The codec lets a response without an id pass only when it is an error.
            let error = response.outcome.err();
            return Event::Stray(Stray::Error(
                error.unwrap_or_else(|| ErrorObject::internal("a result without an id")),
            ));
        };
        match id.as_number().and_then(|id| self.calls.remove(&id)) {
            Some(call) => {
                Event::Settled { context: call.context, outcome: response.outcome.map_err(CallError::Rpc) }
            }
            None => Event::Stray(Stray::Answer(id)),
        }
    }

    /// The instant at which [`handle_timeout`](Self::handle_timeout) has something to do, at the latest; `None` while nothing waits.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Starts the silence of all calls anew: it was not the peer's. Their totals go on.
    pub fn excuse(&mut self, now: Instant) {
        for call in self.calls.values_mut() {
            // As after progress, the entries in `deadlines` stay where they are.
            call.due = call.patience.due(call.started, now);
        }
    }

    /// Settles the calls whose time is over by `now`, and tells the peer.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<(C, CallError)> {
        let mut settled = Vec::new();
        while let Some(id) = self.deadlines.pop_due(now) {
            let Entry::Occupied(entry) = self.calls.entry(id) else { continue };
            let due = entry.get().due;
            if due > now {
                self.deadlines.push(due, id);
                continue;
            }
            // While this side works on something that the peer asked for, the peer may be waiting for that: it is not silent.
            let later = entry.get().patience.due(entry.get().started, now);
            if !self.serving.is_empty() && later > now {
                entry.into_mut().due = later;
                self.deadlines.push(later, id);
                continue;
            }
            let call = entry.remove();
            let error = call.patience.timeout(call.started, now);
            if call.cancellable {
                self.send_cancelled(id, "timed out");
            }
            settled.push((call.context, error));
        }
        self.prune_deadlines();
        settled
    }

    /// Keeps the deadlines of settled calls from piling up. Its cost is that of the calls made since it last had something to do.
    fn prune_deadlines(&mut self) {
        if self.deadlines.len() > 2 * self.calls.len() + 64 {
            self.deadlines.rebuild(self.calls.iter().map(|(id, call)| (call.due, *id)));
        }
    }

    /// Takes the lines to send, each ending in a newline and holding none else; `None` when there are none.
    pub fn take_transmit(&mut self) -> Option<Vec<u8>> {
        let mut taken = Transmit::default();
        self.swap_transmit(&mut taken).then(|| taken.into_bytes())
    }

    /// Swaps the lines to send with an empty buffer, so that two buffers can serve forever. False when there are none.
    pub fn swap_transmit(&mut self, empty: &mut Transmit) -> bool {
        debug_assert!(empty.is_empty());
        if self.unsent.is_empty() {
            return false;
        }
        mem::swap(&mut self.unsent, empty);
        self.unsent_answers = 0;
        self.taken_before = mem::replace(&mut self.taken_below, self.next_id);
        true
    }

    /// Drops the lines to send: nobody takes them any more. `taken` says whether anything was sent of those that were taken last.
    pub fn discard_transmit(&mut self, taken: bool) {
        self.unsent.clear(0);
        self.unsent_answers = 0;
        if !taken {
            self.taken_below = self.taken_before;
        }
    }

    /// The number of bytes written and not yet taken.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// How many of them are answers. They grow with what the peer asks and does not read.
    pub fn unsent_answers(&self) -> usize {
        self.unsent_answers
    }

    /// Why the link is closed, if it is.
    pub fn closed(&self) -> Option<&CloseReason> {
        self.closed.as_ref()
    }

    /// Ends the link: gives back every call in flight, with what it is to be settled with, and the tokens of every request being served.
    /// From now on calls fail, messages are ignored and nothing more is written; what is written already may still be taken. A second close
    /// gives back nothing.
    pub fn close(&mut self, reason: CloseReason) -> (Vec<(C, CallError)>, Vec<S>) {
        let reason = self.closed.get_or_insert(reason).clone();
        self.deadlines.clear();
        let taken_below = if reason == CloseReason::Local { self.next_id } else { self.taken_below };
        let end = |(id, call): (i64, Call<C>)| {
            let reason = reason.clone();
            let error = if id < taken_below { CallError::Closed(reason) } else { CallError::Unsent(reason) };
            (call.context, error)
        };
        let calls = mem::take(&mut self.calls).into_iter().map(end).collect();
        let serving = mem::take(&mut self.serving).into_values().filter_map(|serving| serving.token);
        self.serving_bytes = 0;
        self.batches = Batches::default();
        self.cancellations = None;
        (calls, serving.collect())
    }

    fn send_cancelled(&mut self, id: i64, reason: &str) {
        if self.closed.is_some() {
            return;
        }
        let write = |out: &mut Vec<u8>| {
            out.extend_from_slice(br#"{"requestId":"#);
            RequestId::Number(id).write(out);
            out.extend_from_slice(br#","reason":"#);
            crate::jsonrpc::write_json_string(reason, out);
            out.push(b'}');
        };
        match &mut self.cancellations {
            Some(cancellations) => {
                let mut params = Vec::new();
                write(&mut params);
                cancellations.push(RawJson::from_written(params));
            }
            None => {
                let out = self.unsent.bytes();
                write_notification(out, Method::Cancelled.name(), write);
                out.push(b'\n');
            }
        }
    }
}

/// Whether a result is sent from where it lies: it is large, and already on one line.
fn is_piece(result: &RawJson) -> bool {
    result.is_large() && memchr::memchr2(b'\n', b'\r', result.as_bytes()).is_none()
}
