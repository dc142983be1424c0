use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// As much at once says that something large is on its way.
const MUCH: usize = 32 * 1024;

/// What a wide pipe holds. Systems bound what all pipes of a user may hold, to 64 MiB on Linux, and past it narrow those that are
/// made: so it is not more, and nothing for pipes through which only little goes.
const WIDTH: libc::c_int = 512 * 1024;

/// An end of a pipe that is made wider when something large comes through. Pipes hold 64 KiB as a rule; a megabyte then changes
/// hands sixteen times, and each time one side sleeps until the other wakes it.
#[derive(Debug)]
pub(crate) struct Pipe<P> {
    end: P,
    is_wide: bool,
}

impl<P> Pipe<P> {
    pub(crate) fn new(end: P) -> Self {
        Self { end, is_wide: false }
    }
}

impl<P: AsFd> Pipe<P> {
    /// `bytes` went through at once, or are to.
    fn passes(&mut self, bytes: usize) {
        if bytes >= MUCH && !self.is_wide {
            self.is_wide = true;
            widen(&self.end);
        }
    }
}

/// Does what it can: the system may have no more room for pipes, and it does without.
#[cfg(target_os = "linux")]
fn widen(end: &impl AsFd) {
    let fd = end.as_fd().as_raw_fd();
    // SAFETY: fcntl with these commands takes integers and touches no memory.
    unsafe {
        if (0..WIDTH).contains(&libc::fcntl(fd, libc::F_GETPIPE_SZ)) {
            libc::fcntl(fd, libc::F_SETPIPE_SZ, WIDTH);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn widen(_end: &impl AsFd) {}

impl<P: AsyncRead + AsFd + Unpin> AsyncRead for Pipe<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.end).poll_read(cx, buffer))?;
        self.passes(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<P: AsyncWrite + AsFd + Unpin> AsyncWrite for Pipe<P> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.passes(bytes.len());
        Pin::new(&mut self.end).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.passes(slices.iter().map(|slice| slice.len()).sum());
        Pin::new(&mut self.end).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.end.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_shutdown(cx)
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::unix::pipe;

    use super::*;

    fn width(end: &impl AsFd) -> libc::c_int {
        // SAFETY: fcntl with F_GETPIPE_SZ takes integers and touches no memory.
        unsafe { libc::fcntl(end.as_fd().as_raw_fd(), libc::F_GETPIPE_SZ) }
    }

    /// As wide as the system lets a pipe be at the moment: a user's pipes may hold so much together already that it lets none.
    fn wide() -> libc::c_int {
        let (writer, _reader) = pipe::pipe().unwrap();
        widen(&writer);
        width(&writer)
    }

    #[tokio::test]
    async fn a_pipe_is_widened_by_whoever_first_sees_something_large() {
        let (writer, reader) = pipe::pipe().unwrap();
        let usual = width(&reader);
        let mut writer = Pipe::new(writer);
        writer.write_all(b"small").await.unwrap();
        assert_eq!(width(&reader), usual);
        writer.write_all(&[b'x'; MUCH]).await.unwrap();
        assert_eq!(width(&reader), wide());

        let (mut writer, reader) = pipe::pipe().unwrap();
        let mut reader = Pipe::new(reader);
        writer.write_all(&[b'x'; MUCH]).await.unwrap();
        let mut read = vec![0; MUCH];
        reader.read_exact(&mut read).await.unwrap();
        assert_eq!(width(&reader.end), wide());
    }

    #[tokio::test]
    async fn a_pipe_that_somebody_made_wider_stays_so() {
        let (writer, reader) = pipe::pipe().unwrap();
        // SAFETY: fcntl with F_SETPIPE_SZ takes integers and touches no memory.
        unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_SETPIPE_SZ, 2 * WIDTH) };
        let wider = width(&reader);
        Pipe::new(writer).write_all(&[b'x'; MUCH]).await.unwrap();
        assert_eq!(width(&reader), wider.max(wide()));
    }
}
