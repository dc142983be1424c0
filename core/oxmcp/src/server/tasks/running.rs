use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::SystemTime;

use futures_util::task::AtomicWaker;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::link::CallError;
use oxmcp_proto::model::TaskStatus;
use tokio::sync::watch;

use super::question::{Answered, Question, input_requests, over};
use crate::store::StoredTask;

/// A task that this process works on.
#[derive(Debug)]
pub(in crate::server) struct Running {
    id: String,
    owner: Option<String>,
    state: Mutex<State>,
    /// The questions it may have at once.
    max_questions: usize,
    /// Counts the changes.
    changes: watch::Sender<u64>,
    /// Whoever does the work.
    worker: AtomicWaker,
}

#[derive(Debug)]
struct State {
    task: StoredTask,
    questions: Vec<Question>,
    /// Questions that were asked so far.
    asked: u64,
    /// Whether the store does not know yet how it stands.
    is_news: bool,
    /// What comes of it is being kept; it cannot be cancelled any more.
    is_ending: bool,
    /// Nobody can ask for it any more.
    is_abandoned: bool,
}

impl Running {
    pub(super) fn new(task: StoredTask, max_questions: usize) -> Self {
        let (id, owner) = (task.id.clone(), task.owner.clone());
        let state = State {
            task,
            questions: Vec::new(),
            asked: 0,
            is_news: false,
            is_ending: false,
            is_abandoned: false,
        };
        Self {
            id,
            owner,
            state: Mutex::new(state),
            max_questions,
            changes: watch::Sender::new(0),
            worker: AtomicWaker::new(),
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Who alone may see it.
    pub(super) fn owner(&self) -> &Option<String> {
        &self.owner
    }

    /// How it stands.
    pub(super) fn snapshot(&self) -> StoredTask {
        self.state().task.clone()
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Says how it stands, in words. False when it is over.
    pub(in crate::server) fn say(&self, message: &str) -> bool {
        self.change(|state| state.task.message = Some(message.to_owned()))
    }

    /// Adds a question under a key that begins as its handler says and that no other of the task ever has.
    pub(super) fn put(
        &self,
        key: &str,
        question: impl FnOnce(String) -> Question,
    ) -> Result<String, CallError> {
        let key = {
            let mut state = self.state();
            if state.is_over() {
                return Err(over());
            }
            if state.questions.len() >= self.max_questions {
                return Err(CallError::Overloaded);
            }
            state.asked += 1;
            let key = format!("{key}-{}", state.asked);
            state.questions.push(question(key.clone()));
            key
        };
        self.change(State::show_questions);
        Ok(key)
    }

    /// Takes a question out; `None` when it does not wait any more.
    pub(super) fn take(&self, key: &str) -> Option<Question> {
        let taken = {
            let mut state = self.state();
            let at = state.questions.iter().position(|question| question.key == key)?;
            state.questions.remove(at)
        };
        self.change(State::show_questions);
        Some(taken)
    }

    /// Answers a question. False when it does not wait for an answer.
    pub(super) fn answer(&self, key: &str, answered: Answered) -> bool {
        let question = self.take(key);
        let was_waiting = question.is_some();
        if let Some(question) = question {
            question.settle(answered);
        }
        was_waiting
    }

    /// Gives whoever waits for the result the questions that nobody carries to the client yet, and that it `may` carry: each one's key, and what
    /// is asked.
    pub(super) fn carry(&self, may: impl Fn(&str) -> bool) -> Vec<(String, Method, RawJson)> {
        let mut state = self.state();
        let waiting =
            state.questions.iter_mut().filter(|question| !question.is_carried && may(&question.key));
        let carried = waiting.map(|question| {
            question.is_carried = true;
            (question.key.clone(), question.method, question.params.clone())
        });
        carried.collect()
    }

    /// A question did not get to the client.
    pub(super) fn put_down(&self, key: &str) {
        let mut state = self.state();
        for question in state.questions.iter_mut().filter(|question| question.key == key) {
            question.is_carried = false;
        }
        drop(state);
        self.tell();
    }

    /// Cancels the work. False when it is over, or as good as over.
    pub(super) fn cancel(&self) -> bool {
        let questions = {
            let mut state = self.state();
            if state.is_over() || state.is_ending {
                return false;
            }
            state.end(TaskStatus::Cancelled, Some("The task was cancelled.".to_owned()));
            std::mem::take(&mut state.questions)
        };
        drop(questions);
        self.tell();
        self.worker.wake();
        true
    }

    /// Cancels the work, because nobody can ask for it any more.
    pub(super) fn abandon(&self) {
        self.state().is_abandoned = true;
        self.cancel();
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.state().is_abandoned
    }

    /// Begins to keep what came of it; gives what is to be kept. `None` when it was cancelled before.
    pub(super) fn begin_end(
        &self,
        status: TaskStatus,
        message: Option<String>,
        outcome: Result<RawJson, ErrorObject>,
    ) -> Option<StoredTask> {
        let mut state = self.state();
        if state.is_over() {
            return None;
        }
        state.is_ending = true;
        let mut task = state.task.clone();
        task.status = status;
        task.message = message;
        task.updated = SystemTime::now();
        task.questions = None;
        task.outcome = Some(outcome);
        Some(task)
    }

    /// Shows what came of it.
    pub(super) fn end(&self, task: StoredTask) {
        let questions = {
            let mut state = self.state();
            state.task = task;
            state.is_news = false;
            std::mem::take(&mut state.questions)
        };
        drop(questions);
        self.tell();
    }

    /// How it stands, if the store does not know yet.
    pub(super) fn news(&self) -> Option<StoredTask> {
        let mut state = self.state();
        std::mem::take(&mut state.is_news).then(|| state.task.clone())
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.state().task.status == TaskStatus::Cancelled
    }

    pub(super) fn worked_on_by(&self, waker: &Waker) {
        self.worker.register(waker);
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> bool {
        {
            let mut state = self.state();
            if state.is_over() || state.is_ending {
                return false;
            }
            change(&mut state);
            state.task.updated = SystemTime::now();
            state.is_news = true;
        }
        self.tell();
        self.worker.wake();
        true
    }

    fn tell(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.task.status.is_terminal()
    }

    fn show_questions(&mut self) {
        self.task.questions = input_requests(&self.questions);
        self.task.status =
            if self.questions.is_empty() { TaskStatus::Working } else { TaskStatus::InputRequired };
    }

    fn end(&mut self, status: TaskStatus, message: Option<String>) {
        self.task.status = status;
        self.task.message = message;
        self.task.updated = SystemTime::now();
        self.task.questions = None;
        self.is_news = false;
    }
}
