use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::{Error, ErrorKind};

/// A process, as `fork` tells them apart: a child is another one than its parent. Asking costs no system call.
///
/// A forked child has copies of its parent's handles, but not of the threads that work for them. So clients and servers
/// belong to the process that made them. In a child they are refused with [`Misuse`](ErrorKind::Misuse) and dropping them
/// releases nothing; new ones can be made there. A binding compares processes where it keeps something of its own that a
/// child must not touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(u32);

/// How many forks lie between this process and the one in which this was first asked for.
static FORKS: AtomicU32 = AtomicU32::new(0);

impl Process {
    /// The process that asks.
    pub fn current() -> Self {
        notice_forks();
        Self(FORKS.load(Ordering::Relaxed))
    }
}

/// Has every fork from now on be counted. It takes no lock that a fork could leave locked in the child.
#[cfg(unix)]
fn notice_forks() {
    use std::sync::atomic::AtomicBool;

    static NOTICED: AtomicBool = AtomicBool::new(false);

    extern "C" fn forked() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }

    if NOTICED.load(Ordering::Acquire) {
        return;
    }
    // When two threads do this at once a fork counts twice, which is no less of a change.
    // SAFETY: the function touches an atomic number alone, which is allowed in a child.
    let failed = unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    NOTICED.store(failed == 0, Ordering::Release);
}

#[cfg(not(unix))]
fn notice_forks() {}

/// What only the process that made it may touch. In a forked child a lock in it may be held by a thread that is not there, and
/// what it would release is the parent's too; so a child neither reads nor drops it.
pub(crate) struct Local<T> {
    process: Process,
    value: ManuallyDrop<T>,
}

impl<T> Local<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { process: Process::current(), value: ManuallyDrop::new(value) }
    }

    /// The value, unless this is a forked child.
    pub(crate) fn here(&self) -> Option<&T> {
        (self.process == Process::current()).then_some(&self.value)
    }

    /// The same, with the error for whoever asks in a child.
    pub(crate) fn get(&self) -> Result<&T, Error> {
        self.here().ok_or_else(|| {
            let message = "this was made before fork(), by the parent process; a child process cannot use it: \
                           make a new one there";
            Error::new(ErrorKind::Misuse, message)
        })
    }
}

impl<T: Clone> Clone for Local<T> {
    fn clone(&self) -> Self {
        Self { process: self.process, value: self.value.clone() }
    }
}

impl<T> Drop for Local<T> {
    fn drop(&mut self) {
        if self.process == Process::current() {
            // SAFETY: this is the only drop of its owner, so the value is not used again.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}

/// A value that each process makes for itself. What a parent made is never touched in a child.
pub(crate) struct PerProcess<T: Send + Sync>(AtomicPtr<Made<T>>);

struct Made<T> {
    process: Process,
    value: T,
}

impl<T: Send + Sync> PerProcess<T> {
    /// Nothing yet.
    pub(crate) const fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// A value for this process.
    pub(crate) fn new(value: T) -> Self {
        let made = Made { process: Process::current(), value };
        Self(AtomicPtr::new(Box::into_raw(Box::new(made))))
    }

    /// This process's value. `make` makes it, and hears whether a parent has one; when threads do that at once, one's is kept.
    pub(crate) fn get_or_make<E>(&self, make: impl Fn(bool) -> Result<T, E>) -> Result<&T, E> {
        let process = Process::current();
        loop {
            let current = self.0.load(Ordering::Acquire);
            // SAFETY: it is null or came from `Box::into_raw`, and only `drop` frees what has been in here.
            let made = unsafe { current.as_ref() };
            if let Some(made) = made.filter(|made| made.process == process) {
                return Ok(&made.value);
            }
            let new = Box::into_raw(Box::new(Made { process, value: make(made.is_some())? }));
            if self.0.compare_exchange(current, new, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                // SAFETY: it came from `Box::into_raw` and nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
            }
        }
    }
}

impl<T: Send + Sync> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let current = *self.0.get_mut();
        // SAFETY: it is null or came from `Box::into_raw`; nobody borrows from a value that is being dropped.
        let is_ours = unsafe { current.as_ref() }.is_some_and(|made| made.process == Process::current());
        if is_ours {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}
