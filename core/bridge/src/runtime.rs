use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Error, ErrorKind};

/// The runtime of the process, and the process it belongs to.
static RUNTIME: OnceLock<io::Result<(u32, Runtime)>> = OnceLock::new();

/// The runtime that everything of this crate runs on, made at first use and kept for the life of the process. Its threads are no threads
/// of the host program: signals are not delivered to them.
pub(crate) fn runtime() -> Result<&'static Handle, Error> {
    let made = RUNTIME.get_or_init(|| start().map(|runtime| (std::process::id(), runtime)));
    match made {
        Ok((process, runtime)) if *process == std::process::id() => Ok(runtime.handle()),
        Ok(_) => Err(Error::new(
            ErrorKind::Misuse,
            "this process was forked after oxmcp was used in its parent, whose threads it does not have; \
             use oxmcp in one of them only, or start the child as a new program",
        )),
        Err(error) => Err(Error::new(ErrorKind::Internal, format!("no thread could be started: {error}"))),
    }
}

fn start() -> io::Result<Runtime> {
    // The host language has the other cores.
    let threads = std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, 4));
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("oxmcp")
        .on_thread_start(block_signals)
        .enable_all()
        .build()
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
