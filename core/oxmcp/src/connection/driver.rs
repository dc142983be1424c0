use std::future::{Future, Pending};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{
    ErrorObject, InvalidMessage, Message, Notification, RawJson, Request, RequestId, codes, parse_frugally,
};
use oxmcp_proto::link::{CallError, CloseReason, Event, Ticket, Transmit};
use oxmcp_proto::model::Progress;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::time::Sleep;
use tokio_util::io::poll_read_buf;

use super::{Connection, Role, guard};
use crate::server::Answer;
use crate::transport::line::{Frame, LineBuffer};
use crate::{Limits, clock};

/// Unsent bytes past which a server reads no further requests: a peer that does not read gets no more work done.
const THROTTLE: usize = 1 << 20;

/// Pieces of memory that are written at once.
const SLICES: usize = 8;

/// Reads in a row after which other tasks get their turn.
const READS_PER_TURN: usize = 32;

/// How long a server's answers to requests already read may take after the peer has closed its side.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// How long a client waits, from the first sign that the connection ends, for what belongs to the end: answers that are still in the
/// pipe, the end of the stream, and how the process exited. Something the process started may hold its output open for ever.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// For streams that have no process at their other end.
pub(crate) const NO_PROCESS: Option<Pending<CloseReason>> = None;

/// Drives a connection over a stream until it is over; says why. When it returns, everything has settled.
///
/// `process` says how the process at the other end exited, when it does. A connection ends when the peer closes its side, when nothing
/// can be written, or when the process exits; each comes with the others, in any order, so a client waits for them for 200 ms: no answer
/// that was sent is lost, and the reason is the one that says most.
pub(crate) async fn drive<R, W, P, E>(
    connection: Connection,
    reader: R,
    writer: W,
    role: P,
    limits: &Limits,
    process: Option<E>,
) -> CloseReason
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
    P: Role,
    E: Future<Output = CloseReason> + Send,
{
    let mut driver = Driver {
        connection: connection.clone(),
        reader,
        writer,
        is_layered: role.outlet().is_some(),
        role,
        lines: LineBuffer::new(limits.message_bytes),
        depth: limits.message_depth,
        unsent_limit: limits.unsent_bytes,
        sending: Transmit::default(),
        sent: 0,
        timer: None,
        has_process: process.is_some(),
        ending: None,
    };
    if driver.is_layered {
        driver.connection.link().hand_out_cancellations();
    }
    // Closes even if this future is dropped half way.
    let closing = CloseOnDrop(connection);
    let mut process = pin!(process);
    let reason = std::future::poll_fn(|cx| {
        if let Some(exit) = process.as_mut().as_pin_mut()
            && let Poll::Ready(reason) = exit.poll(cx)
        {
            process.set(None);
            driver.exited(reason);
        }
        driver.poll(cx)
    })
    .await;
    closing.0.close(reason.clone());
    reason
}

struct CloseOnDrop(Connection);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close(CloseReason::Local);
    }
}

struct Driver<R, W, P> {
    connection: Connection,
    reader: R,
    writer: W,
    role: P,
    /// Whether cancellations of this end go through layers.
    is_layered: bool,
    lines: LineBuffer,
    depth: usize,
    /// Bytes that wait for the peer, past which it is given up.
    unsent_limit: usize,
    /// Lines on their way out, and how much of them is out.
    sending: Transmit,
    sent: usize,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether there is a process whose exit is still to come.
    has_process: bool,
    ending: Option<Ending>,
}

/// The end of a connection, once it has begun.
struct Ending {
    /// Why it ends, as far as is known.
    reason: CloseReason,
    /// How long it may take.
    patience: Pin<Box<Sleep>>,
    /// Nothing more can be read.
    no_input: bool,
    /// Nothing more can be written.
    no_output: bool,
}

impl<R, W, P> Driver<R, W, P>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    P: Role,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        self.connection.0.waker.register(cx.waker());
        let mut reads = 0;
        loop {
            if let Some(reason) = self.connection.closed() {
                if reason == CloseReason::Local && self.ending.is_none() {
                    // What was said before the end may go out, if the peer takes it at once.
                    let _ = self.poll_write(cx);
                }
                return Poll::Ready(reason);
            }
            self.poll_deadlines(cx);
            for notification in self.connection.take_released() {
                self.handle_admitted(Message::Notification(notification), cx);
            }
            if self.is_layered {
                self.send_cancellations();
            }
            let blocked = self.poll_send(cx);
            if self.has_ended(blocked) || self.ending.as_ref().is_some_and(|ending| ending.no_input) {
                return self.poll_ending(cx, blocked);
            }
            let (unsent, unsent_answers) = {
                let link = self.connection.link();
                (link.unsent(), link.unsent_answers())
            };
            if unsent_answers > self.unsent_limit {
                return Poll::Ready(CloseReason::Broken(
                    "the peer does not read what it asked for".to_owned(),
                ));
            }
            if blocked && P::SERVES && unsent > THROTTLE {
                return Poll::Pending;
            }
            if self.handle_lines(cx) {
                continue;
            }
            match self.poll_read(cx) {
                Poll::Ready(Ok(0)) => self.end_input(CloseReason::PeerClosed, cx),
                Poll::Ready(Ok(_)) => {
                    reads += 1;
                    if reads == READS_PER_TURN {
                        cx.waker().wake_by_ref();
                        return self.poll_ending(cx, blocked);
                    }
                }
                Poll::Ready(Err(error)) => self.end_input(broken(&error), cx),
                Poll::Pending if blocked || self.connection.link().unsent() == 0 => {
                    return self.poll_ending(cx, blocked);
                }
                Poll::Pending => {}
            }
        }
    }

    /// Tells the peer, by way of the layers, what is not waited for any more.
    fn send_cancellations(&mut self) {
        let cancellations = self.connection.link().take_cancellations();
        for params in cancellations {
            let Some(outlet) = self.role.outlet() else { return };
            let connection = self.connection.clone();
            let send = move |params: &RawJson| {
                connection.notify(Method::Cancelled, params.as_bytes());
            };
            outlet.let_out(Method::Cancelled, params, &Handle::current(), send);
        }
    }

    /// Sends what there is to send. True when the peer takes no more for now.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.ending.as_ref().is_some_and(|ending| ending.no_output) {
            match self.poll_write(cx) {
                Poll::Ready(Ok(())) => return false,
                Poll::Pending => return true,
                Poll::Ready(Err(error)) => self.begin_ending(broken(&error)).no_output = true,
            }
        }
        // Nobody takes it any more.
        let taken = self.sent > 0 || self.sending.is_empty();
        self.connection.link().discard_transmit(taken);
        self.sending.clear(0);
        self.sent = 0;
        false
    }

    /// The peer's process has exited.
    fn exited(&mut self, reason: CloseReason) {
        self.has_process = false;
        let ending = self.begin_ending(reason.clone());
        ending.reason = reason;
    }

    /// The peer has closed its side, or reading failed.
    fn end_input(&mut self, reason: CloseReason, cx: &mut Context<'_>) {
        // Lines may be left from a time when the answers could not be written.
        while let Some(frame) = self.lines.next() {
            self.handle_frame(frame, cx);
        }
        match self.lines.finish() {
            // Some peers leave out the last line's end; what is no whole message is what the end cut off.
            Some(Frame::Line(line)) => {
                let noise = self.hear_noise(&line);
                match parse_frugally(line, self.depth) {
                    Ok(message) => self.handle_message(message, cx),
                    Err(_) => noise(),
                }
            }
            Some(frame) => self.handle_frame(frame, cx),
            None => {}
        }
        self.role.input_ended();
        self.begin_ending(reason).no_input = true;
    }

    /// The connection ends, for `reason` if it does not end already.
    fn begin_ending(&mut self, reason: CloseReason) -> &mut Ending {
        self.ending.get_or_insert_with(|| Ending {
            reason,
            patience: Box::pin(tokio::time::sleep(if P::SERVES { LAST_ANSWERS } else { LAST_WORDS })),
            no_input: false,
            no_output: false,
        })
    }

    /// Whether the end has begun and nothing is left to wait for: for a client, all that was sent is read and the process has exited; for a
    /// server, all that was asked is answered or nobody reads the answers.
    fn has_ended(&self, blocked: bool) -> bool {
        let Some(ending) = &self.ending else { return false };
        if !P::SERVES {
            return ending.no_input && !self.has_process;
        }
        let link = self.connection.link();
        ending.no_output || (ending.no_input && !blocked && link.serving() == 0 && link.unsent() == 0)
    }

    fn poll_ending(&mut self, cx: &mut Context<'_>, blocked: bool) -> Poll<CloseReason> {
        let has_ended = self.has_ended(blocked);
        let Some(ending) = &mut self.ending else { return Poll::Pending };
        if !has_ended {
            ready!(ending.patience.as_mut().poll(cx));
        }
        Poll::Ready(ending.reason.clone())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        poll_read_buf(Pin::new(&mut self.reader), cx, self.lines.space())
    }

    /// Writes until nothing is left to write, or the peer takes no more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.sent == self.sending.len() {
                self.sending.clear(THROTTLE);
                self.sent = 0;
                if !self.connection.link().swap_transmit(&mut self.sending) {
                    self.connection.has_room();
                    return Pin::new(&mut self.writer).poll_flush(cx);
                }
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = self.sending.slices(self.sent, &mut slices);
            let written = ready!(Pin::new(&mut self.writer).poll_write_vectored(cx, &slices[..filled]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
    }

    /// Settles what is due, and sets the timer for what is due next.
    fn poll_deadlines(&mut self, cx: &mut Context<'_>) {
        loop {
            let (settled, next) = {
                let mut link = self.connection.link();
                let Some(due) = link.poll_timeout() else { return };
                let now = clock::now();
                if due > now {
                    (Vec::new(), Some(due))
                } else {
                    if self.role.keeps_peer_waiting() {
                        link.excuse(now);
                    }
                    (link.handle_timeout(now), link.poll_timeout())
                }
            };
            for (waiter, error) in settled {
                waiter.settle(Err(error));
            }
            let Some(next) = next else { return };
            let next = tokio::time::Instant::from_std(next);
            match &mut self.timer {
                // A timer that fires early looks again; moving it costs more.
                Some(timer) if timer.deadline() <= next && !timer.is_elapsed() => {}
                Some(timer) => timer.as_mut().reset(next),
                None => self.timer = Some(Box::pin(tokio::time::sleep_until(next))),
            }
            if let Some(timer) = &mut self.timer
                && timer.as_mut().poll(cx).is_pending()
            {
                return;
            }
        }
    }

    /// Takes the lines that have arrived; a server takes no more of them than it can write the answers to. False when there were none.
    fn handle_lines(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        while !P::SERVES || self.connection.link().unsent() <= THROTTLE {
            let Some(frame) = self.lines.next() else { break };
            self.handle_frame(frame, cx);
            any = true;
        }
        any
    }

    fn handle_frame(&mut self, frame: Frame, cx: &mut Context<'_>) {
        match frame {
            Frame::Line(line) => {
                let noise = self.hear_noise(&line);
                match parse_frugally(line, self.depth) {
                    Ok(Message::Batch(members)) if !P::SERVES && is_noise(&members) => noise(),
                    Ok(message) => self.handle_message(message, cx),
                    Err(invalid) if self.handle_invalid(&invalid) => {}
                    Err(_) => noise(),
                }
            }
            Frame::TooLong { id, has_method } => self.handle_too_long(id, has_method),
        }
    }

    /// What tells of a line, in case that it turns out to be no message.
    fn hear_noise(&self, line: &Bytes) -> impl FnOnce() + use<R, W, P> {
        let heard = self.role.noise().map(|hear| (hear.clone(), line.clone()));
        move || {
            if let Some((hear, line)) = heard {
                guard(|| hear(&line));
            }
        }
    }

    /// False when it was neither a request nor an answer of anything in flight.
    fn handle_invalid(&mut self, invalid: &InvalidMessage) -> bool {
        let mut link = self.connection.link();
        let settled = invalid.answers().and_then(|id| link.settle(id));
        // A client answers only what was meant to be a request: an error about an answer helps nobody. About the answer to a question of this
        // side it would do harm, because the peer may have a request of its own under that id.
        let is_answered = settled.is_none()
            && invalid.looks_like_json
            && (P::SERVES || (invalid.asks() && self.role.may_be_asked()));
        if is_answered {
            link.reject(invalid);
        }
        drop(link);
        tracing::warn!("the peer sent something that is no message: {invalid}");
        let Some(waiter) = settled else { return is_answered };
        waiter.settle(Err(CallError::Invalid(invalid.error.message.clone())));
        true
    }

    fn handle_too_long(&mut self, id: Option<RequestId>, has_method: bool) {
        let limit = self.lines.limit();
        if P::SERVES || (has_method && id.is_some() && self.role.may_be_asked()) {
            let message = format!("the message is larger than the limit of {limit} bytes");
            let error = ErrorObject::new(codes::INVALID_REQUEST, message);
            self.connection.link().reject(&InvalidMessage { id, ..InvalidMessage::new(error) });
            return;
        }
        let settled = {
            let mut link = self.connection.link();
            id.filter(|_| !has_method).and_then(|id| link.settle(&id))
        };
        match settled {
            Some(waiter) => waiter.settle(Err(CallError::TooLarge { limit })),
            None => tracing::warn!(limit, "the peer sent a line over the limit that answers no call"),
        }
    }

    fn handle_message(&mut self, message: Message, cx: &mut Context<'_>) {
        if let Message::Batch(members) = message {
            return self.handle_batch(members, cx);
        }
        if let Message::Request(request) = &message
            && !self.role.may_be_asked()
        {
            tracing::debug!(method = %request.method, "the peer asked something, which it must not");
            return;
        }
        let message = match message {
            Message::Notification(notification) => match self.admit(notification) {
                Some(notification) => Message::Notification(notification),
                None => return,
            },
            message => message,
        };
        self.handle_admitted(message, cx);
    }

    /// Takes a notification through the layers, if there are some; `None` when one of them holds it up or stops it.
    fn admit(&self, notification: Notification) -> Option<Notification> {
        let Some(inlet) = self.role.inlet(&notification) else { return Some(notification) };
        let connection = self.connection.clone();
        inlet.admit(notification, &Handle::current(), move |notification| connection.release(notification))
    }

    fn handle_admitted(&mut self, message: Message, cx: &mut Context<'_>) {
        let event = self.connection.link().handle_message(clock::now(), message);
        match event {
            None => {}
            Some(Event::Request { request, ticket }) => self.serve(request, &ticket, cx),
            Some(Event::Notification(notification)) => self.role.notified(notification),
            Some(Event::Settled { context, outcome }) => context.settle(outcome),
            Some(Event::Progress { call, params }) => {
                let progress =
                    self.connection.link().context(call).and_then(|waiter| waiter.progress.clone());
                if let (Some(callback), Ok(progress)) = (progress, params.to::<Progress>()) {
                    guard(|| callback(progress));
                }
            }
            Some(Event::Cancelled(task)) => task.abort(),
            Some(Event::Stray(stray)) => tracing::debug!(?stray, "the peer sent a message that fits nothing"),
        }
    }

    /// Takes a batch apart where the revision has batches; the answers go back in one. Elsewhere a server refuses it whole, and a
    /// client's calls that it answers fail.
    fn handle_batch(&mut self, members: Vec<Result<Message, InvalidMessage>>, cx: &mut Context<'_>) {
        if self.role.has_batches() {
            self.connection.link().begin_batch();
            for member in members {
                match member {
                    Ok(message) => self.handle_message(message, cx),
                    Err(invalid) => drop(self.handle_invalid(&invalid)),
                }
            }
            return self.connection.link().end_batch();
        }
        let what = "this protocol version has no batches of messages";
        if P::SERVES {
            let error = ErrorObject::new(codes::INVALID_REQUEST, what);
            return self.connection.link().reject(&InvalidMessage::new(error));
        }
        for member in members {
            let id = match member {
                Ok(Message::Response(response)) => response.id,
                Err(invalid) => invalid.answers().cloned(),
                Ok(_) => None,
            };
            let settled = id.and_then(|id| self.connection.link().settle(&id));
            if let Some(waiter) = settled {
                waiter.settle(Err(CallError::Invalid(format!("it came in a batch, and {what}"))));
            }
        }
    }

    fn serve(&mut self, request: Request, ticket: &Ticket, cx: &mut Context<'_>) {
        let mut future = match self.role.answer(request, ticket, &self.connection) {
            Answer::Ready(outcome) => return self.connection.respond(ticket, outcome),
            Answer::Refused(error) => return self.connection.respond(ticket, Err(error)),
            Answer::Later(future) => future,
        };
        // Most handlers have their answer at once; those cost no task.
        if let Poll::Ready(outcome) = future.as_mut().poll(cx) {
            return self.connection.respond(ticket, outcome);
        }
        let connection = self.connection.clone();
        let task = tokio::spawn({
            let ticket = ticket.clone();
            async move {
                let outcome = future.await;
                connection.respond(&ticket, outcome);
                connection.0.waker.wake();
            }
        });
        // It may have been answered meanwhile on another thread, or the connection closed.
        let is_wanted = self.connection.link().attach(ticket, task.abort_handle());
        if !is_wanted {
            task.abort();
        }
    }
}

/// Whether a batch is none: an array of something else.
fn is_noise(members: &[Result<Message, InvalidMessage>]) -> bool {
    members.iter().all(|member| member.as_ref().is_err_and(|invalid| !invalid.looks_like_message))
}

fn broken(error: &io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => CloseReason::PeerClosed,
        _ => CloseReason::Broken(error.to_string()),
    }
}
