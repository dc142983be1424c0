use std::sync::Arc;

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::link::{CallError, CloseReason};
use tokio::sync::oneshot;

use super::running::Running;
use crate::server::input::write_input_requests;

/// What comes of a question: the client's answer, unchecked.
pub(super) type Answered = Result<RawJson, CallError>;

/// A question of a task to its client that waits for an answer.
#[derive(Debug)]
pub(super) struct Question {
    /// Unique among all questions that the task ever asks.
    pub(super) key: String,
    pub(super) method: Method,
    pub(super) params: RawJson,
    /// Whether a request that waits for the task's result carries it to the client at this moment (2025-11-25).
    pub(super) is_carried: bool,
    answer: oneshot::Sender<Answered>,
}

impl Question {
    pub(super) fn settle(self, answered: Answered) {
        // Whoever dropped the other end has no use for it.
        let _ = self.answer.send(answered);
    }
}

/// The object `inputRequests` of some questions; `None` when there are none.
pub(super) fn input_requests(questions: &[Question]) -> Option<RawJson> {
    if questions.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    let questions = questions.iter().map(|question| (&*question.key, question.method, &question.params));
    write_input_requests(questions, &mut out);
    Some(RawJson::from_written(out))
}

impl Running {
    /// Asks the client, which sees it in the task, and waits for the answer as long as the task lives. The question's key begins with `key`. Dropping the future takes the
    /// question back.
    pub(in crate::server) async fn ask(
        self: &Arc<Self>,
        method: Method,
        params: RawJson,
        key: &str,
    ) -> Answered {
        let (answer, answered) = oneshot::channel();
        let key = self.put(key, |key| Question { key, method, params, is_carried: false, answer })?;
        let taken_back = TakeBackOnDrop { running: self, key: &key };
        let outcome = answered.await;
        drop(taken_back);
        outcome.unwrap_or_else(|_| Err(over()))
    }
}

pub(super) fn over() -> CallError {
    CallError::Closed(CloseReason::Broken("the task is over".to_owned()))
}

struct TakeBackOnDrop<'a> {
    running: &'a Running,
    key: &'a str,
}

impl Drop for TakeBackOnDrop<'_> {
    fn drop(&mut self) {
        // Nothing is left to take back once it is answered.
        let _ = self.running.take(self.key);
    }
}
