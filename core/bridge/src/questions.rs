use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll};
use std::time::Duration;

use bytes::Bytes;
use oxmcp::ErrorKind;
use tokio::sync::oneshot;

use crate::Queue;
use crate::queue::Added;

/// A binding's answer to a [question](crate::EventKind::Question).
#[derive(Clone)]
pub enum Answer {
    /// What was asked for, as a JSON object.
    Given(Bytes),
    /// No: the user declined, or the token is no good. The text says why, for people; callers of a server are told it.
    Refused(String),
    /// Nobody can say: a function raised, a store is away. The text says why, for people and logs of this side; callers of a server are
    /// not told it.
    Failed(String),
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAnswered {
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
    /// What the binding answered does not fit the question.
    #[error("the program's answer does not fit the question")]
    Unfit,
    #[error("the program did not answer within {0:?}")]
    Late(Duration),
    /// Whoever asked was closed.
    #[error("it was closed meanwhile")]
    Over,
    /// The binding has closed its queue.
    #[error("the program takes no questions any more")]
    Gone,
    #[error("the program is busy: {} questions wait for its answers", Questions::MAX)]
    Busy,
}

impl NotAnswered {
    /// The error of whoever needed the answer; `what` did not come to be.
    pub(crate) fn into_error(self, what: &str) -> oxmcp::Error {
        let kind = match self {
            Self::Refused(_) => ErrorKind::Unauthorized,
            Self::Late(_) => ErrorKind::Timeout,
            Self::Over => ErrorKind::Closed,
            Self::Busy => ErrorKind::Overloaded,
            Self::Failed(_) | Self::Unfit | Self::Gone => ErrorKind::Internal,
        };
        oxmcp::Error::new(kind, format!("{what}: {self}"))
    }
}

/// The questions that are with the binding: in its queue, or taken and not yet answered.
#[derive(Default)]
pub(crate) struct Questions(Mutex<Table>);

#[derive(Default)]
struct Table {
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    /// The queue was closed.
    is_over: bool,
}

impl Questions {
    /// The number of questions that may be with the binding at once.
    pub(crate) const MAX: usize = 4096;

    /// Enters a question, which `add` puts into the queue. With the table locked: a question in the table is in the queue until it is
    /// drained.
    pub(crate) fn begin(
        &self,
        id: u64,
        add: impl FnOnce() -> Added,
    ) -> Result<(Added, oneshot::Receiver<Answer>), NotAnswered> {
        let mut table = self.table();
        if table.is_over {
            return Err(NotAnswered::Gone);
        }
        if table.waiting.len() >= Self::MAX {
            return Err(NotAnswered::Busy);
        }
        let added = add();
        if added == Added::Not {
            return Err(NotAnswered::Gone);
        }
        let (answer, answered) = oneshot::channel();
        table.waiting.insert(id, answer);
        Ok((added, answered))
    }

    pub(crate) fn answer(&self, id: u64, answer: Answer) -> bool {
        let waiting = self.table().waiting.remove(&id);
        waiting.is_some_and(|waiting| waiting.send(answer).is_ok())
    }

    pub(crate) fn forget(&self, id: u64) {
        self.table().waiting.remove(&id);
    }

    /// Leaves every question without an answer, and those that come later.
    pub(crate) fn end(&self) {
        let mut table = self.table();
        table.is_over = true;
        table.waiting.clear();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for an answer. Dropped before that, it tells the binding that nobody waits any more; dropped after that, that what was given is let
/// go, unless it is [kept](Self::keep).
pub(crate) struct Asked {
    queue: Arc<Queue>,
    id: u64,
    answered: oneshot::Receiver<Answer>,
    is_kept: bool,
}

impl Asked {
    pub(crate) fn new(queue: &Arc<Queue>, id: u64, answered: oneshot::Receiver<Answer>) -> Self {
        Self { queue: queue.clone(), id, answered, is_kept: false }
    }

    /// There is nothing to let go.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Future for Asked {
    type Output = Result<Bytes, NotAnswered>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answered).poll(cx).map(|answered| match answered {
            Ok(Answer::Given(json)) => Ok(json),
            Ok(Answer::Refused(why)) => Err(NotAnswered::Refused(why)),
            Ok(Answer::Failed(why)) => Err(NotAnswered::Failed(why)),
            Err(_) => Err(NotAnswered::Gone),
        })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.is_kept {
            self.queue.end_question(self.id);
        }
    }
}

/// What is given holds tokens, which are not shown.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("Given(..)"),
            Self::Refused(why) => f.debug_tuple("Refused").field(why).finish(),
            Self::Failed(why) => f.debug_tuple("Failed").field(why).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_limit_to_what_is_asked_and_an_end_to_it() {
        let questions = Questions::default();
        let add = || Added::Behind;
        let id = |at: usize| u64::try_from(at).expect("it is small");
        let asked: Vec<_> =
            (0..Questions::MAX).map(|at| questions.begin(id(at), add).expect("there is room")).collect();
        let too_many = questions.begin(id(Questions::MAX), || unreachable!("it must not get into the queue"));
        assert!(matches!(too_many, Err(NotAnswered::Busy)));
        assert!(questions.answer(0, Answer::Refused("no".to_owned())));
        assert!(!questions.answer(0, Answer::Refused("no".to_owned())));
        assert!(questions.begin(id(Questions::MAX), add).is_ok());

        questions.end();
        assert!(matches!(questions.begin(0, add), Err(NotAnswered::Gone)));
        assert!(!questions.answer(1, Answer::Refused("no".to_owned())));
        for (_, mut answered) in asked.into_iter().skip(1) {
            assert!(answered.try_recv().is_err());
        }
    }
}
