use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// What was opened for one connection, to see it gone when that fails: streams with their processes, or an HTTP session.
#[derive(Default)]
pub(super) struct Attempts(Mutex<Vec<watch::Receiver<bool>>>);

impl Attempts {
    pub(super) fn add(&self, released: watch::Receiver<bool>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(released);
    }

    pub(super) async fn released(&self) {
        let attempts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for mut released in attempts {
            // An error means that the task is gone, which comes to the same.
            let _ = released.wait_for(|released| *released).await;
        }
    }
}
