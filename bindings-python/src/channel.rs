use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxmcp_bridge::{Answer, Error, ErrorKind, Event, EventKind, Queue};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::decode;
use crate::encode;
use crate::error::misuse;
use crate::process::Home;
use crate::waker::Waker;

/// How long a wait goes on before signal handlers (Ctrl-C) get their turn.
const SIGNAL_CHECK: Duration = Duration::from_millis(50);

/// A tool call whose arguments Python cannot hold; the payload says why.
const UNREADABLE_CALL: u8 = 255;

/// Where the core leaves what Python should know: an event loop watches `fileno()` and drains, or a thread waits.
#[pyclass(frozen, module = "oxmcp._core")]
pub(crate) struct Channel {
    pub(crate) queue: Arc<Queue>,
    waker: Arc<Waker>,
    home: Home,
}

#[pymethods]
impl Channel {
    /// With `questions`, whoever drains it answers the core's.
    #[new]
    #[pyo3(signature = (questions = false))]
    fn new(questions: bool) -> Self {
        let waker = Arc::new(Waker::default());
        let signal = Arc::clone(&waker);
        let new = if questions { Queue::with_questions } else { Queue::new };
        Self { queue: new(Some(Box::new(move || signal.signal()))), waker, home: Home::here() }
    }

    /// The file descriptor that is readable while events wait. Raises `OSError` where loops cannot watch one.
    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        self.home.check(py, "channel")?;
        let fileno = self.waker.fileno().map_err(|error| PyOSError::new_err(error.to_string()))?;
        if self.queue.wait(Some(Duration::ZERO)) {
            self.waker.signal();
        }
        Ok(fileno)
    }

    /// Takes up to `limit` events, oldest first, as `(kind, id, target, payload)`; the payload is the event's JSON
    /// as Python objects. After `limit` events there may be more, and no wake-up for them.
    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        self.home.check(py, "channel")?;
        self.waker.clear();
        let events = self.queue.drain(limit);
        let list = PyList::empty(py);
        for event in events {
            list.append(readable(py, event))?;
        }
        Ok(list)
    }

    /// Blocks until events wait (true) or `timeout` seconds have passed or the channel was closed (false). Other
    /// Python threads run meanwhile, and signal handlers when this is the main thread.
    #[pyo3(signature = (timeout = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        self.home.check(py, "channel")?;
        let until = match timeout {
            None => None,
            Some(seconds) => {
                let timeout = Duration::try_from_secs_f64(seconds)
                    .map_err(|_| misuse(py, "a timeout is a number of seconds, zero or more"))?;
                Instant::now().checked_add(timeout)
            }
        };
        loop {
            let left = until.map_or(SIGNAL_CHECK, |until| {
                until.saturating_duration_since(Instant::now()).min(SIGNAL_CHECK)
            });
            let started = Instant::now();
            if py.detach(|| self.queue.wait(Some(left))) {
                return Ok(true);
            }
            py.check_signals()?;
            let was_closed = started.elapsed() < left;
            if was_closed || until.is_some_and(|until| Instant::now() >= until) {
                return Ok(false);
            }
        }
    }

    /// Gives what a question asks for. False when nobody waits for it any more.
    fn give(&self, question: u64, given: &Bound<'_, PyDict>) -> PyResult<bool> {
        let json = encode::to_json(given, None)?;
        Ok(self.answer(question, Answer::Given(json.into())))
    }

    /// Answers a question with no: `why`, for people.
    fn refuse(&self, question: u64, why: &Bound<'_, PyString>) -> bool {
        self.answer(question, Answer::Refused(why.to_string_lossy().into_owned()))
    }

    /// Says that a question cannot be answered: `why`, for people.
    fn fail(&self, question: u64, why: &Bound<'_, PyString>) -> bool {
        self.answer(question, Answer::Failed(why.to_string_lossy().into_owned()))
    }

    /// Drops what waits and what still comes; wakes every waiting thread.
    fn close(&self) {
        if self.home.is_here() {
            self.queue.close();
        }
    }
}

impl Channel {
    fn answer(&self, question: u64, answer: Answer) -> bool {
        self.home.is_here() && self.queue.answer(question, answer)
    }
}

/// Nobody hears what comes any more, or answers.
impl Drop for Channel {
    fn drop(&mut self) {
        self.close();
    }
}

/// The event with its JSON as Python objects. JSON that Python cannot hold (nested too deeply) becomes a failure of
/// that one operation.
fn readable<'py>(py: Python<'py>, event: Event) -> (u8, u64, u64, Bound<'py, PyAny>) {
    let Event { kind, id, target, json } = event;
    let error = match decode::parse(py, &json) {
        Ok(payload) => return (kind as u8, id, target, payload),
        Err(error) => error.description(&json),
    };
    let failure =
        Error::new(ErrorKind::Protocol, format!("the peer sent JSON that Python cannot hold: {error}"));
    let kind = if kind == EventKind::ToolCall { UNREADABLE_CALL } else { EventKind::Failed as u8 };
    (kind, id, target, error_payload(py, &failure.to_json()))
}

fn error_payload<'py>(py: Python<'py>, json: &Bytes) -> Bound<'py, PyAny> {
    decode::parse(py, json).unwrap_or_else(|_| py.None().into_bound(py))
}
