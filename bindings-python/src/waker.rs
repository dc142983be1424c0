use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells an event loop that a queue has events, by making a file descriptor readable. It never touches the
/// interpreter, so any thread may [`signal`](Self::signal) at any time.
///
/// The descriptors are opened when a loop first asks for one: a queue that a thread waits on needs none.
#[derive(Default)]
pub(crate) struct Waker {
    #[cfg(unix)]
    pair: OnceLock<(std::os::unix::net::UnixStream, std::os::unix::net::UnixStream)>,
    signalled: AtomicBool,
}

#[cfg(unix)]
impl Waker {
    /// The descriptor to watch for reading.
    pub(crate) fn fileno(&self) -> std::io::Result<std::os::fd::RawFd> {
        use std::os::fd::AsRawFd;
        if let Some((reader, _)) = self.pair.get() {
            return Ok(reader.as_raw_fd());
        }
        let (reader, writer) = std::os::unix::net::UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(self.pair.get_or_init(|| (reader, writer)).0.as_raw_fd())
    }

    /// Makes the descriptor readable, if it is not yet.
    pub(crate) fn signal(&self) {
        use std::io::Write;
        let Some((_, writer)) = self.pair.get() else { return };
        if !self.signalled.swap(true, Ordering::AcqRel) {
            // A full buffer would be a readable descriptor too.
            let _ = (&*writer).write(&[0]);
        }
    }

    /// Makes the descriptor unreadable again; before draining, so that no event is missed.
    pub(crate) fn clear(&self) {
        use std::io::Read;
        let Some((reader, _)) = self.pair.get() else { return };
        if self.signalled.load(Ordering::Acquire) {
            // In this order: a signal that comes between the two is left out, and the drain that follows sees its
            // event. The other way round its byte would be read and every later signal left out.
            let _ = (&*reader).read(&mut [0; 8]);
            self.signalled.store(false, Ordering::Release);
        }
    }
}

#[cfg(not(unix))]
impl Waker {
    pub(crate) fn fileno(&self) -> std::io::Result<i32> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn signal(&self) {}

    pub(crate) fn clear(&self) {}
}
