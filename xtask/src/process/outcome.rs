use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// How a program ended.
pub(crate) struct Outcome {
    pub(super) what: String,
    pub(super) status: Option<ExitStatus>,
    pub(super) timeout: Duration,
    /// What it printed, both streams, line by line in the order it came.
    pub(crate) text: String,
    /// What it printed on its standard output alone.
    pub(crate) stdout: String,
}

impl Outcome {
    pub(crate) fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// What went wrong with the program itself, if anything did.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self.status {
            Some(status) if status.success() => None,
            Some(status) => Some(match status.signal() {
                Some(signal) => format!("`{}` was ended by signal {signal}", self.what),
                None => format!("`{}` exited with code {}", self.what, status.code().unwrap_or(-1)),
            }),
            None => Some(format!(
                "`{}` was still running after {} s and was ended",
                self.what,
                self.timeout.as_secs()
            )),
        }
    }
}
