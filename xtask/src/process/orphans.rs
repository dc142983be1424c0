use std::fs;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use super::group::{RUNNING, signal_group};

/// Ends every program started here when we are told to end ourselves. Takes in orphans of theirs, and reaps them when
/// they end, as the system's first process would: their tests ask whether a process is gone.
pub(crate) fn end_children_on_signal() {
    become_subreaper();
    let signals = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGCHLD];
    let Ok(mut signals) = signal_hook::iterator::Signals::new(signals) else { return };
    thread::spawn(move || {
        for signal in signals.forever() {
            if signal == libc::SIGCHLD {
                reap_orphans();
            } else {
                end_on(signal);
            }
        }
    });
}

fn end_on(signal: libc::c_int) {
    eprintln!("\nended by signal {signal}");
    // Held to the end, so that nothing new starts.
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    for group in running.iter() {
        signal_group(*group, libc::SIGTERM);
    }
    thread::sleep(Duration::from_millis(500));
    for group in running.iter() {
        signal_group(*group, libc::SIGKILL);
    }
    kill_children();
    std::process::exit(128 + signal);
}

/// Reaps children that have ended and that no [`Group`](super::group::Group) waits for.
fn reap_orphans() {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    for process in children() {
        if !running.contains(&process) {
            // SAFETY: a plain system call on the id of a child of ours; it does not wait for one that runs.
            unsafe {
                libc::waitpid(process, std::ptr::null_mut(), libc::WNOHANG);
            }
        }
    }
}

/// Ends programs that were started by a finished step and outlived it, and names them.
///
/// To be called only while no step and no service is running. Finds them on Linux only; elsewhere the process
/// groups alone are ended.
pub(crate) fn end_orphans() -> Vec<String> {
    // Held, so that no one else reaps meanwhile.
    let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    kill_children()
}

fn kill_children() -> Vec<String> {
    let mut named = Vec::new();
    // The children of one that is killed become ours, so look again until there is none.
    loop {
        let orphans = children();
        if orphans.is_empty() {
            return named;
        }
        for process in orphans {
            let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ").trim().to_owned();
            // A zombie has no command line: it has ended, and only waits to be reaped.
            if !line.is_empty() {
                named.push(format!("{process}: {line}"));
            }
            // SAFETY: plain system calls on the id of a child of ours, which cannot be reused before it is reaped.
            unsafe {
                libc::kill(process, libc::SIGKILL);
                libc::waitpid(process, std::ptr::null_mut(), 0);
            }
        }
    }
}

#[cfg(target_os = "linux")]
pub(super) fn become_subreaper() {
    // SAFETY: sets a flag of this process; it has no memory effects.
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn become_subreaper() {}

/// The direct children of this process.
fn children() -> Vec<libc::pid_t> {
    let own = std::process::id().to_string();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<libc::pid_t>().ok())
        .filter(|process| {
            // `pid (name) state ppid ...`; the name may hold spaces and parentheses.
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
            after.split_whitespace().nth(1) == Some(own.as_str())
        })
        .collect()
}
