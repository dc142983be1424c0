use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use super::pipe::Pipe;
use crate::{Error, ErrorKind, Result};

static TAKEN: AtomicBool = AtomicBool::new(false);

const STDIN: RawFd = 0;
const STDOUT: RawFd = 1;
const STDERR: RawFd = 2;

/// This process's standard input and output as a transport.
///
/// The streams are moved aside: while this value lives, what the process prints to stdout goes to stderr, and what it reads from stdin is
/// at its end. So a stray print cannot break the protocol. Dropping it puts them back.
pub(crate) struct Stdio {
    input: OwnedFd,
    output: OwnedFd,
    /// Stdout and stderr are one file: making one not block would surprise whoever prints to the other.
    shares_output: bool,
    restore: Restore,
}

/// [`Stdio`], ready to be read and written.
pub(crate) struct Streams {
    pub(crate) reader: Pin<Box<dyn AsyncRead + Send>>,
    pub(crate) writer: Pin<Box<dyn AsyncWrite + Send>>,
    pub(crate) restore: Restore,
}

/// Puts the standard streams back when dropped.
pub(crate) struct Restore {
    input: OwnedFd,
    output: OwnedFd,
    /// What the files were set to, which everybody who shares them sees: whether they block, above all.
    input_flags: libc::c_int,
    output_flags: libc::c_int,
}

impl Stdio {
    pub(crate) fn take() -> Result<Self> {
        if TAKEN.swap(true, Ordering::SeqCst) {
            return Err(Error::misuse("stdin and stdout already serve an MCP client"));
        }
        // Whatever fails from here on drops what puts them back.
        let restore = Restore::new().inspect_err(|_| TAKEN.store(false, Ordering::SeqCst));
        restore.and_then(Self::move_aside).map_err(unusable)
    }

    fn move_aside(restore: Restore) -> io::Result<Self> {
        let (input, output) = (duplicate(STDIN)?, duplicate(STDOUT)?);
        let shares_output = same_file(STDOUT, STDERR);
        let null = File::open("/dev/null")?;
        replace(STDIN, null.as_raw_fd())?;
        replace(STDOUT, STDERR)?;
        Ok(Self { input, output, shares_output, restore })
    }

    /// Has the runtime read and write them. Call it inside a tokio runtime.
    pub(crate) fn open(self) -> Result<Streams> {
        let Self { input, output, shares_output, restore } = self;
        let reader = reader(input).map_err(unusable)?;
        let writer = writer(output, shares_output).map_err(unusable)?;
        Ok(Streams { reader, writer, restore })
    }
}

impl Restore {
    fn new() -> io::Result<Self> {
        Ok(Self {
            input: duplicate(STDIN)?,
            output: duplicate(STDOUT)?,
            input_flags: flags(STDIN)?,
            output_flags: flags(STDOUT)?,
        })
    }
}

fn unusable(error: io::Error) -> Error {
    Error::new(ErrorKind::Connect, "stdin and stdout cannot be used").with_source(error)
}

fn reader(input: OwnedFd) -> io::Result<Pin<Box<dyn AsyncRead + Send>>> {
    let file = File::from(input);
    let kind = file.metadata()?.file_type();
    if kind.is_fifo() {
        return Ok(Box::pin(Pipe::new(pipe::Receiver::from_file(file)?)));
    }
    if kind.is_socket() {
        return Ok(Box::pin(socket(file)?));
    }
    Ok(Box::pin(tokio::fs::File::from_std(file)))
}

fn writer(output: OwnedFd, shared: bool) -> io::Result<Pin<Box<dyn AsyncWrite + Send>>> {
    let file = File::from(output);
    let kind = file.metadata()?.file_type();
    if kind.is_fifo() && !shared {
        return Ok(Box::pin(Pipe::new(pipe::Sender::from_file(file)?)));
    }
    if kind.is_socket() && !shared {
        return Ok(Box::pin(socket(file)?));
    }
    Ok(Box::pin(tokio::fs::File::from_std(file)))
}

fn socket(file: File) -> io::Result<UnixStream> {
    let stream = std::os::unix::net::UnixStream::from(OwnedFd::from(file));
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

fn same_file(a: RawFd, b: RawFd) -> bool {
    let identity = |fd| {
        let metadata = File::from(duplicate(fd).ok()?).metadata().ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    let (a, b) = (identity(a), identity(b));
    a.is_some() && a == b
}

fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl with F_DUPFD_CLOEXEC takes integers and touches no memory; the new descriptor is ours alone.
    unsafe {
        let new = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3);
        if new < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(new)) }
    }
}

fn flags(fd: RawFd) -> io::Result<libc::c_int> {
    // SAFETY: fcntl with F_GETFL takes integers and touches no memory.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags < 0 { Err(io::Error::last_os_error()) } else { Ok(flags) }
}

fn set_flags(fd: &OwnedFd, flags: libc::c_int) {
    // SAFETY: fcntl with F_SETFL takes integers and touches no memory.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags) };
}

fn replace(fd: RawFd, by: RawFd) -> io::Result<()> {
    // SAFETY: dup2 takes two integers and touches no memory.
    if unsafe { libc::dup2(by, fd) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

impl Drop for Restore {
    fn drop(&mut self) {
        set_flags(&self.input, self.input_flags);
        set_flags(&self.output, self.output_flags);
        let _ = replace(STDIN, self.input.as_raw_fd());
        let _ = replace(STDOUT, self.output.as_raw_fd());
        TAKEN.store(false, Ordering::SeqCst);
    }
}
