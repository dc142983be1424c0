use std::time::Duration;

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::MethodName;

use super::Call;
use super::catalog::Catalog;
use crate::pauses::{Pauses, with_random_half};

/// The wait before a call is sent again for the first time. It doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest such wait, if the server does not ask for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often a call may still be sent again, and when.
#[derive(Debug)]
pub(super) struct Retries {
    left: usize,
    pauses: Pauses,
}

impl Retries {
    pub(super) fn new(limit: usize) -> Self {
        Self { left: limit, pauses: Pauses::new(FIRST_PAUSE, LONGEST_PAUSE) }
    }

    /// How long to wait before the next time; never less than the server asks for. `None` if there is none.
    pub(super) fn next(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let pause = self.pauses.next();
        Some(retry_after.map_or(pause, |after| with_random_half(after).max(pause)))
    }
}

impl Call {
    /// Whether the call may be made twice when nobody knows what came of the first time: by the protocol, or because the server has said of
    /// its tool that it changes nothing (`readOnlyHint`), or nothing more (`idempotentHint`).
    pub(super) fn is_repeatable(&self, catalog: &Catalog) -> bool {
        match &self.method {
            MethodName::Known(Method::CallTool) => catalog.is_repeatable(&self.params),
            MethodName::Known(method) => method.info().repeatable,
            MethodName::Other(_) => false,
        }
    }
}
