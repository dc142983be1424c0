use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// What an [`Event`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// The operation `id` ended well; `json` is its result.
    Completed = 1,
    /// The operation `id` failed; `json` is an error object (see [`Error::to_json`](crate::Error::to_json)).
    Failed = 2,
    /// The operation `id` made progress; `json` is `{"progress": number, "total"?: number, "message"?: string}`.
    Progress = 3,
    /// A peer calls the tool `target` of a server; `json` is the arguments object, already checked against the
    /// tool's `inputSchema`. Answer with [`Server::respond`](crate::Server::respond) under `id`.
    ToolCall = 4,
    /// The peer no longer waits for the tool call `id` (it cancelled, disconnected, or the server closed). An answer
    /// is still taken, and dropped.
    CallCancelled = 5,
    /// The core asks something that the configuration of `target` leaves to the binding. Answer with
    /// [`Queue::answer`](crate::Queue::answer) under `id`. Only queues [with questions](crate::Queue::with_questions) have such events.
    ///
    /// `json` is an object whose member `ask` says what is asked. What is answered is an object too, with at least the members named
    /// here:
    ///
    /// | `ask` | with | answer | asked by |
    /// | --- | --- | --- | --- |
    /// | `authorize` | `url`, `redirectUri` | `url`: the one to which the user was redirected | clients, with `redirectUri` |
    /// | `openBrowser` | `url` | nothing more, when the user sees it | clients, with `browser.ask` |
    /// | `idToken` | | `token`: the ID token, or the SAML assertion, of the user | clients, with `enterprise` |
    /// | `assertion` | | `token`: the JWT with which the platform vouches for the program | clients, with `workload` |
    /// | `readTokens` | `key` | `value`: what is kept under `key`, or null | clients, with `store.ask` |
    /// | `writeTokens` | `key`, `value` | nothing more, when `value` is kept for good; null keeps nothing any more | the same |
    /// | `lockTokens` | `key` | nothing more, when nobody else who shares the store holds `key` | the same |
    /// | `verifyToken` | `token`, `resource` | the claims of the token (RFC 7662, section 2.2): `sub`, `client_id`, `scope`, ... | servers, with `verify` |
    ///
    /// The lock of `lockTokens` is held until [`QuestionOver`](Self::QuestionOver) comes under the same `id`.
    Question = 6,
    /// Nobody waits for the answer to the question `id` any more, or the lock is let go that its answer gave.
    QuestionOver = 7,
}

/// One crossing from the core to a binding.
#[derive(Clone)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The operation, the tool call or the question this is about. Operation ids are chosen by the binding. Ids of calls and questions are
    /// unique in the process and below 2^53; operations never mix with them, because their kinds differ.
    pub id: u64,
    /// For [`EventKind::ToolCall`], the number the tool was added under; for [`EventKind::Question`], the operation by which the client
    /// was opened, or the server began to listen, whose configuration leaves it to the binding; otherwise 0.
    pub target: u64,
    /// UTF-8 JSON without a newline; what it holds depends on `kind`. `null` where there is nothing to say.
    pub json: Bytes,
}

impl Event {
    /// The id of the next call or question in this process. It stays below 2^53, so that every language can hold it as a number.
    pub(crate) fn next_id() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

/// Questions hold tokens, which are not shown.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut event = f.debug_struct("Event");
        event.field("kind", &self.kind).field("id", &self.id).field("target", &self.target);
        match self.kind {
            EventKind::Question => event.finish_non_exhaustive(),
            _ => event.field("json", &self.json).finish(),
        }
    }
}
