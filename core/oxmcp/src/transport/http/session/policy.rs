use std::time::Duration;

use crate::transport::http::resumption::Resumption;

/// What all sessions of a server have in common.
pub(in crate::transport::http) struct Policy {
    pub(in crate::transport::http) resumption: Option<Resumption>,
    /// Requests to the client of one session that wait for an answer.
    pub(in crate::transport::http) asks: usize,
    /// How long they wait.
    pub(in crate::transport::http) answer_within: Duration,
}
