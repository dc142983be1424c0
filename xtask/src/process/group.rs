use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// How long a program that is asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// A child that leads a process group; dropping it ends the whole group.
pub(super) struct Group {
    pub(super) child: Child,
    id: libc::pid_t,
    ended: bool,
}

/// The groups that are running now, for [`end_children_on_signal`](super::end_children_on_signal).
pub(super) static RUNNING: Mutex<BTreeSet<libc::pid_t>> = Mutex::new(BTreeSet::new());

impl Group {
    pub(super) fn spawn(command: &mut Command) -> Result<Self> {
        // Held across the spawn, so that a signal cannot fall between the start and the note of it.
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.process_group(0).spawn()?;
        let id = libc::pid_t::try_from(child.id())?;
        running.insert(id);
        Ok(Self { child, id, ended: false })
    }

    pub(super) fn wait_until(&mut self, deadline: Instant) -> Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks the group to end, then kills what is left of it.
    pub(super) fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            signal_group(self.id, libc::SIGTERM);
            let _ = self.wait_until(Instant::now() + GRACE);
        }
        signal_group(self.id, libc::SIGKILL);
        let _ = self.child.wait();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sends a signal to every process of a group.
pub(super) fn signal_group(group: libc::pid_t, signal: libc::c_int) {
    // SAFETY: a plain system call; a group that is gone is answered with an error, which is fine.
    unsafe {
        libc::kill(-group, signal);
    }
}
