use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{ChildStdin, ChildStdout};

#[cfg(unix)]
use super::exit::Exit;
#[cfg(unix)]
use super::guardian::Guardian;
use super::pipe::Pipe;
use crate::{Error, ErrorKind, Result};

/// A program to start as an MCP server, over its standard streams.
///
/// ```
/// let command = oxmcp::Command::new("npx").args(["-y", "some-server", "--key=secret"]).env("TOKEN", "secret");
/// // Neither arguments nor the environment are shown: they may be secrets.
/// assert!(!format!("{command:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: Option<PathBuf>,
    stderr: Stderr,
    on_noise: Option<NoiseFn>,
}

/// Hears of a line that is no message.
pub(crate) type NoiseFn = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// Where a child's standard error goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stderr {
    /// To this process's.
    #[default]
    Inherit,
    /// Nowhere.
    Null,
}

impl Command {
    /// A program, found as the system finds programs.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            stderr: Stderr::default(),
            on_noise: None,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to the environment, which is otherwise this process's.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The folder to start it in.
    pub fn current_dir(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Where its standard error goes.
    pub fn stderr(mut self, stderr: Stderr) -> Self {
        self.stderr = stderr;
        self
    }

    /// Hears of each line on the server's standard output that is no message: a log line, a stray print, half a message. Such lines
    /// never reach a call and are never answered; without this, they are logged only. It runs on the connection's task, so it should be
    /// quick. The line comes without its end, and may not be UTF-8. One over
    /// [`Limits::message_bytes`](crate::Limits::message_bytes) is not kept, and not heard of.
    ///
    /// ```
    /// let command = oxmcp::Command::new("chatty-server")
    ///     .on_noise(|line| eprintln!("the server says: {}", String::from_utf8_lossy(line)));
    /// ```
    pub fn on_noise(mut self, hear: impl Fn(&[u8]) + Send + Sync + 'static) -> Self {
        self.on_noise = Some(Arc::new(hear));
        self
    }

    pub(crate) fn noise(&self) -> Option<NoiseFn> {
        self.on_noise.clone()
    }

    /// What tells this server from others: the program, its arguments and its folder.
    pub(crate) fn identity(&self) -> String {
        let words: Vec<_> =
            std::iter::once(&self.program).chain(&self.args).map(|word| word.to_string_lossy()).collect();
        format!("{:?} in {:?}", words, self.cwd)
    }

    pub(crate) fn program(&self) -> &OsStr {
        &self.program
    }

    /// Starts it, as the leader of a process group of its own.
    pub(crate) fn spawn(&self) -> Result<(Child, Pipe<ChildStdout>, Pipe<ChildStdin>)> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().cloned()).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(match self.stderr {
            Stderr::Inherit => own_stderr(),
            Stderr::Null => Stdio::null(),
        });
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        #[cfg(unix)]
        command.process_group(0);
        let failed = |error: io::Error| {
            let program = self.program.to_string_lossy();
            let why = match &self.cwd {
                Some(cwd) if !cwd.is_dir() => format!("there is no folder {cwd:?} to start it in"),
                _ => "is it installed and on the PATH?".to_owned(),
            };
            let message = format!("the server command {program:?} could not be started; {why}");
            Error::new(ErrorKind::Connect, message).with_source(error)
        };
        let mut child = command.spawn().map_err(failed)?;
        match (child.stdout.take(), child.stdin.take()) {
            (Some(stdout), Some(stdin)) => {
                Ok((Child::new(child).map_err(failed)?, Pipe::new(stdout), Pipe::new(stdin)))
            }
            _ => Err(failed(io::Error::other("its standard streams are missing"))),
        }
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("args", &format_args!("({} not shown)", self.args.len()))
            .field("env", &format_args!("({} not shown)", self.env.len()))
            .field("cwd", &self.cwd)
            .field("stderr", &self.stderr)
            .finish()
    }
}

/// This process's standard error for a child. It is a copy, because a host may have marked its own as not for children; they would start
/// without one, and the first file that they open would get what they have to say.
fn own_stderr() -> Stdio {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from)
    }
    #[cfg(not(unix))]
    Stdio::inherit()
}

/// A child process with everything it started. It does not outlive this value, nor this process.
///
/// Its process group is signalled only while the process is not reaped: until then the system gives its number, which is the group's too,
/// to nobody else.
#[derive(Debug)]
pub(crate) struct Child {
    process: tokio::process::Child,
    #[cfg(unix)]
    exit: Exit,
    /// None where there is no shell to be it.
    #[cfg(unix)]
    guardian: Option<Guardian>,
}

impl Child {
    #[cfg(unix)]
    fn new(mut process: tokio::process::Child) -> io::Result<Self> {
        let id = process.id().and_then(|id| id.try_into().ok());
        let id = id.ok_or_else(|| io::Error::other("it has no process id"));
        match id.and_then(|id| Ok((id, Exit::new(id)?))) {
            Ok((id, exit)) => {
                let guardian = Guardian::of_group(id)
                    .inspect_err(|error| tracing::warn!(%error, "a server process has no guardian"));
                Ok(Self { process, exit, guardian: guardian.ok() })
            }
            Err(error) => {
                let _ = process.start_kill();
                Err(error)
            }
        }
    }

    #[cfg(not(unix))]
    fn new(process: tokio::process::Child) -> io::Result<Self> {
        Ok(Self { process })
    }

    /// Waits until the process has exited. It is not reaped.
    #[cfg(unix)]
    pub(crate) async fn exited(&mut self) -> io::Result<ExitStatus> {
        std::future::poll_fn(|cx| self.exit.poll(cx)).await
    }

    /// Waits until the process has exited.
    #[cfg(not(unix))]
    pub(crate) async fn exited(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Waits for the process, whose input was closed, to exit; then asks it to terminate; then kills it, and whatever is left of its group
    /// (2026-07-28, stdio, "Shutdown").
    pub(crate) async fn shutdown(mut self, grace: Duration) {
        /// How long the system may take to end a killed process.
        const KILLED: Duration = Duration::from_secs(1);
        if tokio::time::timeout(grace, self.exited()).await.is_err() {
            self.signal(Signal::Terminate);
            let _ = tokio::time::timeout(grace, self.exited()).await;
        }
        self.signal(Signal::Kill);
        // The processes are reaped here.
        let _ = tokio::time::timeout(KILLED, self.gone()).await;
    }

    async fn gone(&mut self) {
        let _ = self.process.wait().await;
        #[cfg(unix)]
        if let Some(guardian) = &mut self.guardian {
            guardian.gone().await;
        }
    }

    #[cfg(unix)]
    fn signal(&mut self, signal: Signal) {
        self.exit.signal_group(match signal {
            Signal::Terminate => libc::SIGTERM,
            Signal::Kill => libc::SIGKILL,
        });
    }

    #[cfg(not(unix))]
    fn signal(&mut self, _: Signal) {
        let _ = self.process.start_kill();
    }
}

#[derive(Clone, Copy)]
enum Signal {
    Terminate,
    Kill,
}

impl Drop for Child {
    fn drop(&mut self) {
        // Where it was reaped, this finds nothing of ours.
        self.signal(Signal::Kill);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn exists(id: u32) -> bool {
        // SAFETY: kill takes two integers and touches no memory; signal 0 only asks.
        unsafe { libc::kill(id.try_into().unwrap(), 0) == 0 }
    }

    fn shell(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).spawn().unwrap().0
    }

    #[tokio::test]
    async fn a_process_keeps_its_number_until_its_group_was_signalled() {
        let mut child = shell("exit 3");
        let id = child.process.id().unwrap();
        assert_eq!(child.exited().await.unwrap().code(), Some(3));
        assert!(exists(id), "it was reaped before its group was signalled");
        assert_eq!(child.exited().await.unwrap().code(), Some(3));
        child.shutdown(Duration::from_secs(2)).await;
        assert!(!exists(id), "it was never reaped");
    }

    #[tokio::test]
    async fn a_host_that_keeps_its_stderr_from_children_passes_it_on() {
        use tokio::io::AsyncReadExt;
        // SAFETY: fcntl takes integers here and touches no memory. Tests that run beside this one pass theirs on in the same way.
        assert_eq!(unsafe { libc::fcntl(2, libc::F_SETFD, libc::FD_CLOEXEC) }, 0);
        let script = ": >&2 && echo open";
        let (_child, mut output, _input) = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let mut said = String::new();
        output.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "open\n");
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_blamed() {
        let error = Command::new("true").current_dir("/nowhere at all").spawn().unwrap_err();
        assert!(error.to_string().contains("no folder \"/nowhere at all\""), "{error}");
    }

    #[tokio::test]
    async fn how_a_process_was_killed_is_known() {
        use std::os::unix::process::ExitStatusExt;
        let mut child = shell("kill -TERM $$");
        assert_eq!(child.exited().await.unwrap().signal(), Some(libc::SIGTERM));
    }

    #[tokio::test]
    async fn a_group_outlives_its_leader_and_not_the_child() {
        use tokio::io::AsyncReadExt;
        // The one left behind holds the output open until it is killed.
        let (mut child, mut output, _input) =
            Command::new("sh").args(["-c", "sleep 600 & exit 0"]).spawn().unwrap();
        assert!(child.exited().await.unwrap().success());
        drop(child);
        assert_eq!(output.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let command = Command::new("server").args(["--token", "hush"]).env("HUSH", "hush");
        let shown = format!("{command:?}");
        assert!(
            shown.contains("server") && shown.contains('2') && !shown.to_lowercase().contains("hush"),
            "{shown}"
        );
    }
}
