use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::calls::{Calls, GONE};
use crate::event::{Event, EventKind};
use crate::process::PerProcess;
use crate::questions::{Answer, Asked, NotAnswered, Questions};

type Wake = Box<dyn Fn() + Send + Sync>;

/// Where the core leaves what a binding should know.
///
/// A binding drains it on a thread of its own choosing (an event loop's, usually). The wake-up given to
/// [`Queue::new`] is called when the queue turns from empty to non-empty, from a thread of the core, with no lock
/// held; it must return quickly and may do no more than signal. Between that signal and the drain no further
/// wake-up comes, so a burst of events costs one. A panic in it stays in it.
///
/// Its length is bounded by what its producers have outstanding: one settling event per submitted operation, one
/// call and one cancellation per call in flight, and the same for questions, of which there are at most
/// [`Queue::MAX_QUESTIONS`]. A call or a question that is cancelled before it was drained leaves the queue
/// again, and neither is ever seen. Progress is advisory and is dropped while the queue holds more than
/// [`Queue::PROGRESS_LIMIT`] events.
///
/// In a forked child, a queue of the parent is an empty one without a wake-up.
///
/// ```
/// use std::time::Duration;
/// use oxmcp_bridge::Queue;
///
/// let queue = Queue::new(None);
/// assert!(!queue.wait(Some(Duration::from_millis(1))));
/// assert!(queue.drain(64).is_empty());
/// ```
pub struct Queue {
    state: PerProcess<State>,
}

#[derive(Default)]
struct State {
    inner: Mutex<Inner>,
    arrived: Condvar,
    wake: Option<Wake>,
    /// Where the binding takes questions, those that it has not answered.
    questions: Option<Questions>,
}

#[derive(Default)]
struct Inner {
    events: VecDeque<Event>,
    /// A wake-up was given, and nobody has found the queue empty since.
    woken: bool,
    closed: bool,
    /// Whose calls come out of here.
    callers: Vec<Weak<Calls>>,
}

/// What became of an event.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// The queue is closed, or full of progress.
    Not,
    /// It waits with others, and a wake-up is on its way.
    Behind,
    /// [`Queue::wake`] is to be called, with no lock held.
    First,
}

impl Queue {
    /// The number of waiting events past which progress is dropped.
    pub const PROGRESS_LIMIT: usize = 16 * 1024;

    /// The number of questions that may be with the binding at once. Past it they count as unanswered.
    pub const MAX_QUESTIONS: usize = Questions::MAX;

    /// Makes an empty queue. Without a wake-up it is for a thread that blocks in [`wait`](Self::wait).
    pub fn new(wake: Option<Wake>) -> Arc<Self> {
        Arc::new(Self { state: PerProcess::new(State { wake, ..State::default() }) })
    }

    /// The same for a binding that answers [questions](EventKind::Question). Configurations that leave something to the binding are refused
    /// with other queues.
    pub fn with_questions(wake: Option<Wake>) -> Arc<Self> {
        let questions = Some(Questions::default());
        Arc::new(Self { state: PerProcess::new(State { wake, questions, ..State::default() }) })
    }

    /// Answers a [question](EventKind::Question). False when nobody waits for it any more: a lock that was taken for it is the binding's
    /// to let go then.
    pub fn answer(&self, question: u64, answer: Answer) -> bool {
        self.state().questions.as_ref().is_some_and(|questions| questions.answer(question, answer))
    }

    /// Takes up to `max` events, oldest first. When it returns `max` there may be more: drain again later without
    /// waiting for a wake-up.
    pub fn drain(&self, max: usize) -> Vec<Event> {
        let mut inner = self.lock();
        let count = inner.events.len().min(max);
        let drained = inner.events.drain(..count).collect();
        inner.woken &= !inner.events.is_empty();
        drained
    }

    /// Blocks the calling thread until the queue is non-empty (true), closed or `timeout` has passed (false unless
    /// something came). Without a timeout it waits as long as it takes.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let state = self.state();
        let mut inner = state.lock();
        while inner.events.is_empty() && !inner.closed {
            inner.woken = false;
            inner = match until {
                None => state.arrived.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    state.arrived.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        !inner.events.is_empty()
    }

    /// Drops what is waiting and what still comes; wakes every waiter. For a binding whose event loop is gone: the calls
    /// of every [`Server`](crate::Server) that has this queue are answered with an error, those that the binding has
    /// taken too, and questions count as unanswered.
    pub fn close(&self) {
        let state = self.state();
        let mut inner = state.lock();
        inner.closed = true;
        let dropped = mem::take(&mut inner.events);
        let callers = mem::take(&mut inner.callers);
        drop(inner);
        drop(dropped);
        state.arrived.notify_all();
        for calls in callers.iter().filter_map(Weak::upgrade) {
            calls.end(GONE);
        }
        if let Some(questions) = &state.questions {
            questions.end();
        }
    }

    /// Whether the binding takes questions.
    pub(crate) fn takes_questions(&self) -> bool {
        self.state().questions.is_some()
    }

    /// Asks the binding. `target` is the operation whose configuration leaves the answer to it.
    pub(crate) fn ask(self: &Arc<Self>, target: u64, json: Vec<u8>) -> Result<Asked, NotAnswered> {
        let id = Event::next_id();
        let event = Event { kind: EventKind::Question, id, target, json: json.into() };
        let questions = self.state().questions.as_ref().ok_or(NotAnswered::Gone)?;
        let (added, answered) = questions.begin(id, || self.add(event))?;
        if added == Added::First {
            self.wake();
        }
        Ok(Asked::new(self, id, answered))
    }

    /// Nobody waits for a question any more, or what its answer gave was let go. A question that the binding has not seen yet, it never
    /// sees.
    pub(crate) fn end_question(&self, id: u64) {
        if let Some(questions) = &self.state().questions {
            questions.forget(id);
        }
        if !self.take_back(id) {
            let json = Bytes::from_static(b"null");
            self.push(Event { kind: EventKind::QuestionOver, id, target: 0, json });
        }
    }

    /// Has the calls of a server end when the queue is closed.
    pub(crate) fn add_caller(&self, calls: &Arc<Calls>) {
        let mut inner = self.lock();
        inner.callers.retain(|calls| calls.strong_count() > 0);
        inner.callers.push(Arc::downgrade(calls));
    }

    /// Adds an event that must arrive. False when the queue is closed.
    pub(crate) fn push(&self, event: Event) -> bool {
        let added = self.add(event);
        if added == Added::First {
            self.wake();
        }
        added != Added::Not
    }

    /// The same for a caller that holds a lock: [`wake`](Self::wake) is the caller's to call.
    pub(crate) fn add(&self, event: Event) -> Added {
        self.add_up_to(event, usize::MAX)
    }

    /// Adds an event that may be dropped when nobody keeps up.
    pub(crate) fn add_advisory(&self, event: Event) -> Added {
        self.add_up_to(event, Self::PROGRESS_LIMIT)
    }

    fn add_up_to(&self, event: Event, limit: usize) -> Added {
        let state = self.state();
        let mut inner = state.lock();
        if inner.closed || inner.events.len() >= limit {
            return Added::Not;
        }
        let was_empty = inner.events.is_empty();
        inner.events.push_back(event);
        let was_woken = mem::replace(&mut inner.woken, true);
        drop(inner);
        if was_empty {
            state.arrived.notify_all();
        }
        if was_woken { Added::Behind } else { Added::First }
    }

    /// Tells the binding that the queue is no longer empty.
    pub(crate) fn wake(&self) {
        // Whatever the binding does in there, whoever settles an operation has more to do.
        let Some(wake) = &self.state().wake else { return };
        if catch_unwind(AssertUnwindSafe(wake)).is_err() {
            tracing::error!("a queue's wake-up panicked");
            // It may not have been heard: the next event tries again.
            self.lock().woken = false;
        }
    }

    /// Takes a call or a question back. False when it was drained.
    pub(crate) fn take_back(&self, id: u64) -> bool {
        let is_it =
            |event: &Event| matches!(event.kind, EventKind::ToolCall | EventKind::Question) && event.id == id;
        let mut inner = self.lock();
        // A call that is cancelled so soon is likely to be among the last.
        let at = inner.events.iter().rposition(is_it);
        let taken = at.and_then(|at| inner.events.remove(at));
        drop(inner);
        taken.is_some()
    }

    /// Takes back those of the calls that were not drained, and gives them.
    pub(crate) fn take_back_all<T>(&self, calls: &HashMap<u64, T>) -> Vec<Event> {
        let mut inner = self.lock();
        let is_one = |event: &Event| event.kind == EventKind::ToolCall && calls.contains_key(&event.id);
        let (taken, kept): (Vec<_>, Vec<_>) = mem::take(&mut inner.events).into_iter().partition(is_one);
        inner.events = VecDeque::from(kept);
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state().lock()
    }

    fn state(&self) -> &State {
        let made = self.state.get_or_make(|_| Ok::<_, Infallible>(State::default()));
        match made {
            Ok(state) => state,
            Err(never) => match never {},
        }
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.lock().events.len()).finish_non_exhaustive()
    }
}
