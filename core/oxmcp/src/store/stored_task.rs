use std::time::{Duration, SystemTime};

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::TaskStatus;

/// A task, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTask {
    /// What the protocol calls it. Nobody can guess it.
    pub id: String,
    /// Who alone may see it: a session or a principal, under a name of this library's own. `None` is whoever knows the id. The tasks of a
    /// session are removed when it ends.
    pub owner: Option<String>,
    /// How it stands.
    pub status: TaskStatus,
    /// The same in words, for people or a model.
    pub message: Option<String>,
    /// When it was created.
    pub created: SystemTime,
    /// When it last changed.
    pub updated: SystemTime,
    /// How long it is kept, beginning with its creation.
    pub ttl: Duration,
    /// After how long a client is to ask again.
    pub poll_interval: Duration,
    /// The questions that wait for an answer, while there are any: the object `inputRequests`.
    pub questions: Option<RawJson>,
    /// What its request is answered with, when it is over and was not cancelled.
    pub outcome: Option<Result<RawJson, ErrorObject>>,
}

impl StoredTask {
    /// How large it is, in bytes, roughly.
    pub fn size(&self) -> usize {
        /// What everything of a fixed size costs.
        const FIXED: usize = 512;
        let outcome = match &self.outcome {
            Some(Ok(result)) => result.as_bytes().len(),
            Some(Err(error)) => {
                error.message.len() + error.data.as_ref().map_or(0, |data| data.as_bytes().len())
            }
            None => 0,
        };
        let texts = [Some(&self.id), self.owner.as_ref(), self.message.as_ref()];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        FIXED + texts + self.questions.as_ref().map_or(0, |questions| questions.as_bytes().len()) + outcome
    }
}
