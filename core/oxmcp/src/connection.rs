//! One end of a stream of lines, driven: a task that reads, serves, settles and writes for a [`Link`].

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_util::task::AtomicWaker;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{
    ErrorObject, InvalidMessage, Message, Notification, RawJson, Request, RequestId, codes, parse,
    write_on_one_line,
};
use oxmcp_proto::link::{CallError, CallId, CallOptions, CloseReason, Event, Link};
use oxmcp_proto::model::Progress;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Sleep;
use tokio_util::io::poll_read_buf;

use crate::Limits;
use crate::server::{Answer, Notify};
use crate::transport::line::{Frame, LineBuffer};

/// Unsent bytes past which a server reads no further requests: a peer that does not read gets no more work done.
const THROTTLE: usize = 1 << 20;

/// Reads in a row after which other tasks get their turn.
const READS_PER_TURN: usize = 32;

/// How long answers to requests already read may take after the peer has closed its side.
const LAST_ANSWERS: std::time::Duration = std::time::Duration::from_millis(500);

/// Hears of a call's progress.
pub(crate) type ProgressFn = Arc<dyn Fn(Progress) + Send + Sync>;

/// Whom a call's outcome goes to.
pub(crate) struct Waiter {
    pub(crate) done: Done,
    pub(crate) progress: Option<ProgressFn>,
}

/// How an outcome is handed over.
pub(crate) enum Done {
    Channel(oneshot::Sender<Result<RawJson, CallError>>),
    Callback(Box<dyn FnOnce(Result<RawJson, CallError>) + Send>),
}

impl Waiter {
    pub(crate) fn settle(self, outcome: Result<RawJson, CallError>) {
        match self.done {
            // Whoever dropped the other end has no use for it.
            Done::Channel(sender) => drop(sender.send(outcome)),
            Done::Callback(callback) => guard(|| callback(outcome)),
        }
    }
}

/// Runs a user's code. A panic in it is logged and stays there.
pub(crate) fn guard(code: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(code)) {
        let panic: &(dyn Any + Send) = &*panic;
        let words = panic.downcast_ref::<&str>().copied();
        tracing::error!(panic = words.unwrap_or("(no message)"), "a callback panicked");
    }
}

/// What this end does with what the peer asks and tells. Its methods never block.
pub(crate) trait Role: Send + 'static {
    /// Whether a line too long to read is taken for a request (and answered) or for an answer (and settled).
    const SERVES: bool;

    /// Whether the revision of the connection has batches.
    fn has_batches(&self) -> bool;

    /// Answers a request.
    fn answer(&mut self, request: Request, connection: &Connection) -> Answer;

    /// Takes a notification.
    fn notified(&mut self, notification: Notification);
}

/// The handle of a connection: makes calls and closes. Clones are the same connection.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Shared>);

struct Shared {
    link: Mutex<Link<Waiter, AbortHandle>>,
    waker: AtomicWaker,
}

impl Connection {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Shared { link: Mutex::new(Link::new(limits.link())), waker: AtomicWaker::new() }))
    }

    /// Makes a call. Its waiter is settled exactly once, here if the call cannot be made.
    pub(crate) fn call(
        &self,
        method: &str,
        options: CallOptions,
        waiter: Waiter,
        params: impl FnOnce(CallId, &mut Vec<u8>),
    ) -> Option<CallId> {
        let made = self.link().call(Instant::now(), method, options, waiter, params);
        match made {
            Ok(call) => {
                self.0.waker.wake();
                Some(call)
            }
            Err((waiter, error)) => {
                waiter.settle(Err(error));
                None
            }
        }
    }

    /// Stops waiting for a call: its waiter is settled, the peer is told. False when it has settled already.
    pub(crate) fn cancel(&self, call: CallId, reason: &str) -> bool {
        let cancelled = self.link().cancel(call, reason);
        let Some(waiter) = cancelled else { return false };
        self.0.waker.wake();
        waiter.settle(Err(CallError::Cancelled));
        true
    }

    /// Sends a notification.
    pub(crate) fn notify(&self, method: Method, params: &[u8]) -> bool {
        let sent = self.link().notify(method.name(), |out| write_on_one_line(params, out));
        self.0.waker.wake();
        sent
    }

    /// Settles everything and ends the connection.
    pub(crate) fn close(&self, reason: CloseReason) {
        let (waiters, tasks, reason) = {
            let mut link = self.link();
            let (waiters, tasks) = link.close(reason.clone());
            (waiters, tasks, link.closed().cloned().unwrap_or(reason))
        };
        for task in tasks {
            task.abort();
        }
        for waiter in waiters {
            waiter.settle(Err(CallError::Closed(reason.clone())));
        }
        self.0.waker.wake();
    }

    /// Why the connection is closed, if it is.
    pub(crate) fn closed(&self) -> Option<CloseReason> {
        self.link().closed().cloned()
    }

    fn respond(&self, id: &RequestId, outcome: Result<RawJson, ErrorObject>) {
        self.link().respond(id, outcome.as_ref());
    }

    fn link(&self) -> MutexGuard<'_, Link<Waiter, AbortHandle>> {
        self.0.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The notifications of a request that came over a connection.
pub(crate) struct ConnectionNotify {
    pub(crate) connection: Connection,
    pub(crate) request: RequestId,
}

impl Notify for ConnectionNotify {
    fn notify(&self, method: Method, params: &[u8]) -> bool {
        self.connection.link().is_serving(&self.request) && self.connection.notify(method, params)
    }
}

/// Drives a connection over a stream until it is over; says why. When it returns, everything has settled.
pub(crate) async fn drive<R, W, P>(
    connection: Connection,
    reader: R,
    writer: W,
    role: P,
    limits: &Limits,
    over: impl Future<Output = CloseReason> + Send,
) -> CloseReason
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
    P: Role,
{
    let mut driver = Driver {
        connection: connection.clone(),
        reader,
        writer,
        role,
        lines: LineBuffer::new(limits.message_bytes),
        depth: limits.message_depth,
        unsent_limit: limits.unsent_bytes,
        sending: Vec::new(),
        sent: 0,
        timer: None,
        ended: None,
    };
    // Closes even if this future is dropped half way.
    let closing = CloseOnDrop(connection);
    let mut over = std::pin::pin!(over);
    let mut is_over = false;
    let reason = std::future::poll_fn(|cx| {
        if !is_over && let Poll::Ready(reason) = over.as_mut().poll(cx) {
            is_over = true;
            return Poll::Ready(reason);
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
    lines: LineBuffer,
    depth: usize,
    /// Bytes that wait for the peer, past which it is given up.
    unsent_limit: usize,
    /// Lines on their way out, and how much of them is out.
    sending: Vec<u8>,
    sent: usize,
    timer: Option<Pin<Box<Sleep>>>,
    /// The peer has closed its side: when the last answers are due.
    ended: Option<Pin<Box<Sleep>>>,
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
                return Poll::Ready(reason);
            }
            self.poll_deadlines(cx);
            let blocked = match self.poll_write(cx) {
                Poll::Ready(Ok(())) => false,
                Poll::Ready(Err(error)) => return Poll::Ready(broken(&error)),
                Poll::Pending => true,
            };
            if self.ended.is_some() {
                ready!(self.poll_ended(cx, blocked));
                return Poll::Ready(CloseReason::PeerClosed);
            }
            let unsent = self.connection.link().unsent();
            if blocked && P::SERVES && unsent > THROTTLE {
                return Poll::Pending;
            }
            if unsent > self.unsent_limit {
                return Poll::Ready(CloseReason::Broken(
                    "the peer does not read what it asked for".to_owned(),
                ));
            }
            if self.handle_lines(cx) {
                continue;
            }
            match self.poll_read(cx) {
                Poll::Ready(Ok(0)) => self.end(cx),
                Poll::Ready(Ok(_)) => {
                    reads += 1;
                    if reads == READS_PER_TURN {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(broken(&error)),
                Poll::Pending if blocked || self.connection.link().unsent() == 0 => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        poll_read_buf(Pin::new(&mut self.reader), cx, self.lines.space())
    }

    /// Writes until nothing is left to write, or the peer takes no more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.sent == self.sending.len() {
                self.sending.clear();
                self.sent = 0;
                if self.sending.capacity() > THROTTLE {
                    self.sending = Vec::new();
                }
                if !self.connection.link().swap_transmit(&mut self.sending) {
                    return Pin::new(&mut self.writer).poll_flush(cx);
                }
            }
            let written = ready!(Pin::new(&mut self.writer).poll_write(cx, &self.sending[self.sent..]))?;
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
                let now = Instant::now();
                if due > now {
                    (Vec::new(), Some(due))
                } else {
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

    /// The peer has closed its side: serves what it asked before.
    fn end(&mut self, cx: &mut Context<'_>) {
        match self.lines.finish() {
            // Some peers leave out the last line's end; what is no whole message is what the end cut off.
            Some(Frame::Line(line)) => {
                if let Ok(message) = parse(line, self.depth) {
                    self.handle_message(message, cx);
                }
            }
            Some(frame) => self.handle_frame(frame, cx),
            None => {}
        }
        self.ended = Some(Box::pin(tokio::time::sleep(LAST_ANSWERS)));
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>, blocked: bool) -> Poll<()> {
        let done = {
            let link = self.connection.link();
            link.serving() == 0 && link.unsent() == 0
        };
        match &mut self.ended {
            Some(patience) if !done || blocked => patience.as_mut().poll(cx),
            _ => Poll::Ready(()),
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
            Frame::Line(line) => match parse(line, self.depth) {
                Ok(message) => self.handle_message(message, cx),
                Err(invalid) => self.handle_invalid(&invalid),
            },
            Frame::TooLong { id, has_method } => self.handle_too_long(id, has_method),
        }
    }

    fn handle_invalid(&mut self, invalid: &InvalidMessage) {
        let mut link = self.connection.link();
        let settled = invalid.answers().and_then(|id| link.settle(id));
        if P::SERVES && invalid.looks_like_json {
            link.reject(invalid);
        }
        drop(link);
        tracing::warn!("the peer sent something that is no message: {invalid}");
        if let Some(waiter) = settled {
            waiter.settle(Err(CallError::Invalid(invalid.error.message.clone())));
        }
    }

    fn handle_too_long(&mut self, id: Option<RequestId>, has_method: bool) {
        let limit = self.lines.limit();
        if P::SERVES {
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
        let event = self.connection.link().handle_message(Instant::now(), message);
        match event {
            None => {}
            Some(Event::Request(request)) => self.serve(request, cx),
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

    /// Takes a batch apart where the revision has batches; the answers go back one by one. Elsewhere a server refuses it whole, and a
    /// client's calls that it answers fail.
    fn handle_batch(&mut self, members: Vec<Result<Message, InvalidMessage>>, cx: &mut Context<'_>) {
        if self.role.has_batches() {
            for member in members {
                match member {
                    Ok(message) => self.handle_message(message, cx),
                    Err(invalid) => self.handle_invalid(&invalid),
                }
            }
            return;
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

    fn serve(&mut self, request: Request, cx: &mut Context<'_>) {
        let id = request.id.clone();
        let mut future = match self.role.answer(request, &self.connection) {
            Answer::Ready(outcome) => return self.connection.respond(&id, outcome),
            Answer::Refused(error) => return self.connection.respond(&id, Err(error)),
            Answer::Later(future) => future,
        };
        // Most handlers have their answer at once; those cost no task.
        if let Poll::Ready(outcome) = future.as_mut().poll(cx) {
            return self.connection.respond(&id, outcome);
        }
        let connection = self.connection.clone();
        let task = tokio::spawn({
            let id = id.clone();
            async move {
                let outcome = future.await;
                connection.respond(&id, outcome);
                connection.0.waker.wake();
            }
        });
        // It may have been answered meanwhile, on another thread.
        self.connection.link().attach(&id, task.abort_handle());
    }
}

fn broken(error: &io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => CloseReason::PeerClosed,
        _ => CloseReason::Broken(error.to_string()),
    }
}
