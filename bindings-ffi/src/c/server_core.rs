use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oxmcp_bridge::{CallOutcome, Event, EventKind, Process, Queue, Server};

use super::call::oxmcp_call;
use super::error::oxmcp_error;
use super::tool::Tools;
use super::wake::Wake;

/// The id of serving stdio, the only operation whose end comes out of a server's own queue.
const STDIO: u64 = 1;

/// The most calls one [`poll`](ServerCore::poll) handles before it lets the event loop go on.
const POLL_LIMIT: usize = 64;

/// A server, its tools, and the calls on their way to whichever thread runs it.
///
/// The bridge's queue is not waited on itself: its events are first sorted into [`Inbox`], so that the cancellation
/// of a call is seen while its handler keeps the only thread busy, and so that every thread learns of the end.
#[derive(Debug)]
pub(super) struct ServerCore {
    server: Server,
    queue: Arc<Queue>,
    tools: Tools,
    wake: Arc<Wake>,
    shared: Arc<Shared>,
    process: Process,
}

/// What the bridge's wake-up reaches.
#[derive(Debug, Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Inbox {
    /// Calls that no thread has taken yet, with the numbers of their tools.
    waiting: VecDeque<(u64, Arc<oxmcp_call>)>,
    /// The marks of calls that are not gone yet: set when nobody waits for the answer any more.
    marks: HashMap<u64, Arc<AtomicBool>>,
    stdio: Stdio,
    listening: bool,
    closed: bool,
}

#[derive(Debug, Default)]
enum Stdio {
    #[default]
    Unused,
    Serving,
    Ended(Option<oxmcp_error>),
}

impl Inbox {
    /// Whether nothing is left to serve.
    fn is_over(&self) -> bool {
        self.closed || (matches!(self.stdio, Stdio::Ended(_)) && !self.listening)
    }
}

/// What a thread that runs a server does next.
enum Next {
    Call(u64, Arc<oxmcp_call>),
    Nothing,
    Over,
}

/// Whether there will be more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Polled {
    /// There may be.
    Open,
    /// Nothing is left to serve.
    Over,
}

impl ServerCore {
    /// Makes a server whose calls wake `wake`.
    pub(super) fn new(config: &str, wake: Wake) -> Result<Arc<Self>, oxmcp_bridge::Error> {
        let wake = Arc::new(wake);
        let shared = Arc::new(Shared::default());
        let queue = Queue::new(Some(Box::new({
            let (wake, shared) = (wake.clone(), shared.clone());
            move || {
                // Taking the lock once makes sure that whoever saw an empty queue waits by now.
                drop(shared.lock());
                shared.arrived.notify_all();
                wake.raise();
            }
        })));
        let server = Server::new(config, &queue)?;
        let process = Process::current();
        Ok(Arc::new(Self { server, queue, tools: Tools::default(), wake, shared, process }))
    }

    /// Whether it was made in this process, and not before a fork.
    pub(super) fn is_of_this_process(&self) -> bool {
        self.process == Process::current()
    }

    /// The bridge's server.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// The handlers.
    pub(super) fn tools(&self) -> &Tools {
        &self.tools
    }

    /// How an event loop learns that there is something to poll.
    pub(super) fn wake(&self) -> &Wake {
        &self.wake
    }

    /// Starts serving stdio.
    pub(super) fn serve_stdio(&self) -> Result<(), oxmcp_error> {
        let mut inbox = self.shared.lock();
        if !matches!(inbox.stdio, Stdio::Unused) {
            return Err(oxmcp_error::misuse("stdin and stdout can be served once only"));
        }
        inbox.stdio = Stdio::Serving;
        drop(inbox);
        self.server.serve_stdio(STDIO, &self.queue);
        Ok(())
    }

    /// Notes that the server listens, which only [`end`](Self::end) ends.
    pub(super) fn note_listening(&self) {
        self.shared.lock().listening = true;
    }

    /// Handles calls on this thread until nothing is left to serve.
    pub(super) fn run(self: &Arc<Self>) -> Result<(), oxmcp_error> {
        loop {
            match self.next(None) {
                Next::Call(tool, call) => self.handle(tool, &call),
                Next::Nothing => {}
                Next::Over => return self.outcome(),
            }
        }
    }

    /// Handles the calls that are waiting; when there is none it waits up to `timeout` for one.
    pub(super) fn poll(self: &Arc<Self>, timeout: Option<Duration>) -> Result<Polled, oxmcp_error> {
        // First the descriptor, then the calls: what comes in between makes it readable again.
        self.wake.clear();
        let mut next = self.next(timeout);
        for _ in 0..POLL_LIMIT {
            match next {
                Next::Call(tool, call) => self.handle(tool, &call),
                Next::Nothing => return Ok(Polled::Open),
                Next::Over => return self.outcome().map(|()| Polled::Over),
            }
            next = self.next(Some(Duration::ZERO));
        }
        if let Next::Call(tool, call) = next {
            self.handle(tool, &call);
        }
        self.wake.raise_again();
        Ok(Polled::Open)
    }

    /// Sorts what has come, for a call that wants to know whether it was cancelled.
    pub(super) fn sort(self: &Arc<Self>) {
        let mut inbox = self.shared.lock();
        self.sort_into(&mut inbox);
        let calls_wait = !inbox.waiting.is_empty();
        drop(inbox);
        if calls_wait {
            self.shared.arrived.notify_one();
        }
    }

    /// Ends every thread's run: nothing is left to serve.
    pub(super) fn end(&self) {
        let mut inbox = self.shared.lock();
        inbox.closed = true;
        inbox.marks.values().for_each(|mark| mark.store(true, Ordering::Release));
        let waiting = std::mem::take(&mut inbox.waiting);
        drop(inbox);
        // Dropping a call takes the lock.
        drop(waiting);
        self.queue.close();
        self.shared.arrived.notify_all();
        self.wake.raise();
    }

    /// Forgets a call that is gone.
    pub(super) fn forget(&self, id: u64) {
        self.shared.lock().marks.remove(&id);
    }

    fn next(self: &Arc<Self>, timeout: Option<Duration>) -> Next {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut inbox = self.shared.lock();
        loop {
            self.sort_into(&mut inbox);
            if inbox.is_over() {
                drop(inbox);
                // Whoever else runs the server ends too.
                self.shared.arrived.notify_all();
                return Next::Over;
            }
            if let Some((tool, call)) = inbox.waiting.pop_front() {
                let more = !inbox.waiting.is_empty();
                drop(inbox);
                if more {
                    self.shared.arrived.notify_one();
                }
                return Next::Call(tool, call);
            }
            inbox = match until {
                None => self.shared.arrived.wait(inbox).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Next::Nothing;
                    }
                    self.shared.arrived.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn sort_into(self: &Arc<Self>, inbox: &mut Inbox) {
        for event in self.queue.drain(usize::MAX) {
            match event {
                Event { kind: EventKind::ToolCall, id, target, json } => {
                    let mark = Arc::new(AtomicBool::new(false));
                    inbox.marks.insert(id, mark.clone());
                    inbox
                        .waiting
                        .push_back((target, Arc::new(oxmcp_call::new(self.clone(), id, &json, mark))));
                }
                Event { kind: EventKind::CallCancelled, id, .. } => {
                    if let Some(mark) = inbox.marks.get(&id) {
                        mark.store(true, Ordering::Release);
                    }
                }
                Event { kind: EventKind::Completed, id: STDIO, .. } => inbox.stdio = Stdio::Ended(None),
                Event { kind: EventKind::Failed, id: STDIO, json, .. } => {
                    inbox.stdio = Stdio::Ended(Some(oxmcp_error::from_json(&json)));
                }
                Event { .. } => {}
            }
        }
    }

    fn handle(&self, tool: u64, call: &Arc<oxmcp_call>) {
        if call.is_cancelled() {
            return;
        }
        match self.tools.find(tool) {
            Some(tool) => tool.handle(call),
            None => {
                call.respond(CallOutcome::ToolError(
                    "the tool was removed before the call reached it".to_owned(),
                ));
            }
        }
    }

    /// How serving ended. The error is told once.
    fn outcome(&self) -> Result<(), oxmcp_error> {
        match &mut self.shared.lock().stdio {
            Stdio::Ended(error) => error.take().map_or(Ok(()), Err),
            Stdio::Unused | Stdio::Serving => Ok(()),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
