use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
#[cfg(target_os = "linux")]
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

/// Tells when a child process has exited, and how, without reaping it: until somebody does, its number stays its own.
#[derive(Debug)]
pub(super) struct Exit {
    process: libc::pid_t,
    source: Source,
    /// What came of waiting, once that is over.
    outcome: Option<Result<ExitStatus, io::ErrorKind>>,
    /// The group was killed; there is nothing more to signal.
    is_killed: bool,
}

/// Where the news comes from.
#[derive(Debug)]
enum Source {
    #[cfg(target_os = "linux")]
    Descriptor(AsyncFd<std::os::fd::OwnedFd>),
    /// Of a thread that waits, where a process has no descriptor.
    Thread(oneshot::Receiver<io::Result<ExitStatus>>),
}

impl Exit {
    /// Watches a child of this process that is not reaped yet. Call it inside a tokio runtime.
    pub(super) fn new(process: libc::pid_t) -> io::Result<Self> {
        Ok(Self { process, source: Source::open(process)?, outcome: None, is_killed: false })
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        if let Some(outcome) = self.outcome {
            return Poll::Ready(outcome.map_err(io::Error::from));
        }
        let outcome = ready!(self.source.poll(self.process, cx));
        self.outcome = Some(outcome.as_ref().copied().map_err(io::Error::kind));
        Poll::Ready(outcome)
    }

    /// Signals the group that the process leads, unless the process was reaped: then the number may be another's.
    pub(super) fn signal_group(&mut self, signal: libc::c_int) {
        if self.is_killed {
            return;
        }
        self.is_killed = signal == libc::SIGKILL;
        // An error means that no child of ours has the number.
        if wait(self.process, libc::WNOHANG).is_ok() {
            // SAFETY: kill takes two integers and touches no memory.
            unsafe { libc::kill(-self.process, signal) };
        }
    }
}

impl Source {
    /// Not to be called again once it is ready.
    fn poll(&mut self, process: libc::pid_t, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Descriptor(descriptor) => loop {
                let mut ready = ready!(descriptor.poll_read_ready(cx))?;
                match wait(process, libc::WNOHANG)? {
                    Some(status) => return Poll::Ready(Ok(status)),
                    None => ready.clear_ready(),
                }
            },
            Self::Thread(waited) => Poll::Ready(ready!(waited.poll_unpin(cx)).map_err(io::Error::other)?),
        }
    }

    fn open(process: libc::pid_t) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(descriptor) = descriptor_of(process) {
            let readable = tokio::io::Interest::READABLE;
            // SAFETY: an OwnedFd stays open, and the same, as long as it lives.
            let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, readable)? };
            return Ok(Self::Descriptor(descriptor));
        }
        Self::start_thread(process)
    }

    fn start_thread(process: libc::pid_t) -> io::Result<Self> {
        let (sender, receiver) = oneshot::channel();
        std::thread::Builder::new().name("oxmcp-wait".to_owned()).spawn(move || {
            let waited = loop {
                match wait(process, 0) {
                    Ok(Some(status)) => break Ok(status),
                    Ok(None) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => break Err(error),
                }
            };
            // Whoever dropped the other end has no use for it.
            let _ = sender.send(waited);
        })?;
        Ok(Self::Thread(receiver))
    }
}

/// A descriptor of a process, which is readable when the process has exited; Linux has it from 5.3 on.
#[cfg(target_os = "linux")]
fn descriptor_of(process: libc::pid_t) -> Option<std::os::fd::OwnedFd> {
    use std::os::fd::FromRawFd;
    // SAFETY: pidfd_open takes two integers and touches no memory.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
    let descriptor = std::os::fd::RawFd::try_from(descriptor).ok().filter(|descriptor| *descriptor >= 0)?;
    // SAFETY: the descriptor is new, and ours alone.
    Some(unsafe { std::os::fd::OwnedFd::from_raw_fd(descriptor) })
}

/// Waits for a child without reaping it; with `WNOHANG`, `None` while it runs.
fn wait(process: libc::pid_t, flags: libc::c_int) -> io::Result<Option<ExitStatus>> {
    let id = libc::id_t::try_from(process).map_err(io::Error::other)?;
    // SAFETY: every bit pattern is a siginfo_t; waitid writes to it and to nothing else. Its fields are those of a child's signal.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        if libc::waitid(libc::P_PID, id, &mut info, libc::WEXITED | libc::WNOWAIT | flags) != 0 {
            return Err(io::Error::last_os_error());
        }
        if info.si_pid() == 0 {
            return Ok(None);
        }
        Ok(Some(ExitStatus::from_raw(match info.si_code {
            libc::CLD_EXITED => (info.si_status() & 0xff) << 8,
            libc::CLD_DUMPED => info.si_status() | 0x80,
            _ => info.si_status(),
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_waits_where_a_process_has_no_descriptor() {
        let mut child = tokio::process::Command::new("sh").args(["-c", "exit 5"]).spawn().unwrap();
        let process = child.id().unwrap().try_into().unwrap();
        let source = Source::start_thread(process).unwrap();
        let mut exit = Exit { process, source, outcome: None, is_killed: false };
        let status = std::future::poll_fn(|cx| exit.poll(cx)).await.unwrap();
        assert_eq!((status.code(), status.to_string().as_str()), (Some(5), "exit status: 5"));
        assert_eq!(child.wait().await.unwrap().code(), Some(5));
    }

    #[tokio::test]
    async fn a_process_that_somebody_else_reaped_is_over_however_often_one_asks() {
        let mut child = tokio::process::Command::new("true").spawn().unwrap();
        let process = child.id().unwrap().try_into().unwrap();
        child.wait().await.unwrap();
        let source = Source::start_thread(process).unwrap();
        let mut exit = Exit { process, source, outcome: None, is_killed: false };
        for _ in 0..2 {
            std::future::poll_fn(|cx| exit.poll(cx)).await.unwrap_err();
        }
    }
}
