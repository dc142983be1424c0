use tokio::sync::oneshot;

use super::Shared;

/// A request that waits for its answer, in the era in which a lost connection does not say that nobody does any more. Dropped before it is
/// settled, it is cancelled.
pub(super) struct InFlight<'a> {
    shared: &'a Shared,
    id: i64,
    settled: bool,
}

impl<'a> InFlight<'a> {
    /// Also gives what is to tell that the request was sent.
    pub(super) fn new(shared: &'a Shared, id: i64) -> (Self, oneshot::Sender<()>) {
        let (sending, sent) = oneshot::channel();
        shared.in_flight().insert(id, sent);
        (Self { shared, id, settled: false }, sending)
    }

    pub(super) fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let sent = self.shared.in_flight().remove(&self.id);
        if let Some(sent) = sent
            && !self.settled
        {
            self.shared.cancel(self.id, sent);
        }
    }
}
