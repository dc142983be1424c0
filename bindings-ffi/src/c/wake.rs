use std::ffi::{c_int, c_void};
use std::sync::{Mutex, PoisonError};

/// Tells the program's own event loop that there is something to poll. It is called from any thread: one of the
/// library's own, or one that is in an oxmcp function, where what it started settled at once. It may do no more than
/// signal: write to a pipe, post a message, set a flag. It may not call into oxmcp, nor wait for a lock that is held
/// around calls into oxmcp.
pub type oxmcp_wake_fn = Option<unsafe extern "C" fn(userdata: *mut c_void)>;

/// How an event loop learns that there is something to poll: a callback, a file descriptor, or both.
#[derive(Debug)]
pub(super) struct Wake {
    callback: Mutex<Option<Callback>>,
    #[cfg(unix)]
    flag: std::sync::OnceLock<Flag>,
}

#[derive(Clone, Copy, Debug)]
struct Callback {
    call: unsafe extern "C" fn(*mut c_void),
    userdata: *mut c_void,
}

// SAFETY: by the contract of `oxmcp_wake_fn` the callback may be called, with its userdata, from any thread.
unsafe impl Send for Callback {}

impl Wake {
    /// A wake-up with a callback, or without one.
    pub(super) fn new(callback: oxmcp_wake_fn, userdata: *mut c_void) -> Self {
        Self {
            callback: Mutex::new(callback.map(|call| Callback { call, userdata })),
            #[cfg(unix)]
            flag: std::sync::OnceLock::new(),
        }
    }

    /// Says that there is something.
    pub(super) fn raise(&self) {
        #[cfg(unix)]
        if let Some(flag) = self.flag.get() {
            flag.raise();
        }
        let callback = self.callback.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Callback { call, userdata }) = *callback {
            // SAFETY: the program gave this callback for this use, and takes it back with `disarm`, which waits for
            // this lock.
            unsafe { call(userdata) };
        }
    }

    /// Takes back what was said, before looking what there is.
    pub(super) fn clear(&self) {
        #[cfg(unix)]
        if let Some(flag) = self.flag.get() {
            flag.clear();
        }
    }

    /// Says again that there is something, to the file descriptor only.
    pub(super) fn raise_again(&self) {
        #[cfg(unix)]
        if let Some(flag) = self.flag.get() {
            flag.raise();
        }
    }

    /// Forgets the callback: when this returns it is not running and never will again.
    pub(super) fn disarm(&self) {
        *self.callback.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A descriptor that is readable while there may be something; -1 when there can be none.
    #[cfg(unix)]
    pub(super) fn descriptor(&self) -> c_int {
        use std::os::fd::AsRawFd;

        if let Some(flag) = self.flag.get() {
            return flag.reader.as_raw_fd();
        }
        let Ok(flag) = Flag::new() else {
            return -1;
        };
        // Something may have come before anybody asked for the descriptor.
        flag.raise();
        self.flag.get_or_init(|| flag).reader.as_raw_fd()
    }

    /// Always -1: what can be waited for here is not a descriptor.
    #[cfg(not(unix))]
    pub(super) fn descriptor(&self) -> c_int {
        -1
    }
}

/// A pipe that holds one byte or none.
#[cfg(unix)]
#[derive(Debug)]
struct Flag {
    raised: std::sync::atomic::AtomicBool,
    reader: std::io::PipeReader,
    writer: std::io::PipeWriter,
}

#[cfg(unix)]
impl Flag {
    fn new() -> std::io::Result<Self> {
        let (reader, writer) = std::io::pipe()?;
        Ok(Self { raised: std::sync::atomic::AtomicBool::new(false), reader, writer })
    }

    fn raise(&self) {
        use std::io::Write;

        if !self.raised.swap(true, std::sync::atomic::Ordering::AcqRel) {
            // A pipe whose two ends this owns cannot fail to take one byte.
            let _ = (&self.writer).write_all(&[1]);
        }
    }

    fn clear(&self) {
        use std::io::Read;

        if self.raised.swap(false, std::sync::atomic::Ordering::AcqRel) {
            // The byte is there, or on its way from whoever raised the flag.
            let _ = (&self.reader).read_exact(&mut [0]);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_flag_holds_one_byte_or_none() {
        let flag = Flag::new().expect("a pipe");
        for _ in 0..3 {
            flag.raise();
            flag.raise();
            flag.clear();
            flag.clear();
        }
        flag.raise();
        drop(flag.writer);
        let mut left = Vec::new();
        std::io::Read::read_to_end(&mut &flag.reader, &mut left).expect("a pipe can be read");
        assert_eq!(left, [1]);
    }

    #[test]
    fn a_disarmed_callback_is_not_called() {
        unsafe extern "C" fn count(userdata: *mut c_void) {
            // SAFETY: the test gives a counter that outlives the wake-up.
            unsafe { *userdata.cast::<u32>() += 1 };
        }
        let mut counter = 0_u32;
        let wake = Wake::new(Some(count), (&raw mut counter).cast());
        wake.raise();
        wake.disarm();
        wake.raise();
        assert_eq!(counter, 1);
    }
}
