use tokio::runtime::{Builder, Handle, Runtime};

use crate::process::PerProcess;
use crate::{Error, ErrorKind};

/// The runtime of the process. A forked child makes one of its own; its copy of the parent's has no threads, and is left alone.
static RUNTIME: PerProcess<Runtime> = PerProcess::empty();

/// The runtime that everything of this crate runs on, made at first use and kept for the life of the process. Its threads are no threads
/// of the host program: signals are not delivered to them.
pub(crate) fn runtime() -> Result<&'static Handle, Error> {
    RUNTIME.get_or_make(start).map(Runtime::handle)
}

fn start(parent_has_one: bool) -> Result<Runtime, Error> {
    if parent_has_one && !can_be_two() {
        return Err(Error::new(
            ErrorKind::Misuse,
            "this process was forked after oxmcp was used in its parent, and both can use it only on Linux 5.10 or newer, \
             with a file descriptor to spare; use oxmcp in one of them only, or start the child as a new program",
        ));
    }
    // The host language has the other cores.
    let threads = std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, 4));
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("oxmcp")
        .on_thread_start(block_signals)
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Internal, format!("no thread could be started: {error}")))
}

/// Whether a parent and its forked child can have a runtime each. tokio hears of the end of child processes by a descriptor for each;
/// only where the system has none it uses SIGCHLD and a pipe, which a forked child would share with its parent: each would take the
/// other's news.
#[cfg(target_os = "linux")]
fn can_be_two() -> bool {
    // SAFETY: pidfd_open takes two integers and touches no memory; the new descriptor is ours alone.
    unsafe {
        let descriptor = libc::syscall(libc::SYS_pidfd_open, libc::getpid(), libc::PIDFD_NONBLOCK);
        libc::c_int::try_from(descriptor)
            .is_ok_and(|descriptor| descriptor >= 0 && libc::close(descriptor) == 0)
    }
}

#[cfg(not(target_os = "linux"))]
fn can_be_two() -> bool {
    false
}

/// Keeps the host's signal handlers on the host's threads, and a write to a closed pipe an error rather than the end of the process: a host
/// that is not Rust leaves SIGPIPE as it was. Programs started from here begin with no signal blocked.
#[cfg(unix)]
fn block_signals() {
    // SAFETY: the set is a local that sigfillset initialises before it is read; the mask is this thread's own.
    unsafe {
        let mut signals = std::mem::zeroed::<libc::sigset_t>();
        libc::sigfillset(&mut signals);
        for fault in [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGABRT,
            libc::SIGTRAP,
            libc::SIGSYS,
        ] {
            libc::sigdelset(&mut signals, fault);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &signals, std::ptr::null_mut());
    }
}

#[cfg(not(unix))]
fn block_signals() {}
