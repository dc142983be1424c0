use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{ChildStdin, ChildStdout};

use crate::{Error, ErrorKind, Result};

/// A program to start as an MCP server, over its standard streams.
///
/// ```
/// let command = oxmcp::Command::new("npx").args(["-y", "some-server"]).env("TOKEN", "secret");
/// // Values of the environment are not shown: they may be secrets.
/// assert!(!format!("{command:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: Option<PathBuf>,
    stderr: Stderr,
}

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
    pub(crate) fn spawn(&self) -> Result<(Child, ChildStdout, ChildStdin)> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().cloned()).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(match self.stderr {
            Stderr::Inherit => Stdio::inherit(),
            Stderr::Null => Stdio::null(),
        });
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        #[cfg(unix)]
        command.process_group(0);
        let failed = |error: io::Error| {
            let program = self.program.to_string_lossy();
            let message = format!(
                "the server command {program:?} could not be started; is it installed and on the PATH?"
            );
            Error::new(ErrorKind::Connect, message).with_source(error)
        };
        let mut child = command.spawn().map_err(failed)?;
        match (child.stdout.take(), child.stdin.take()) {
            (Some(stdout), Some(stdin)) => Ok((Child::new(child), stdout, stdin)),
            _ => Err(failed(io::Error::other("its standard streams are missing"))),
        }
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &names)
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}

/// A child process with everything it started. It does not outlive this value.
#[derive(Debug)]
pub(crate) struct Child {
    process: tokio::process::Child,
    /// The process group, whose number is the process's own.
    #[cfg(unix)]
    group: Option<libc::pid_t>,
}

impl Child {
    fn new(process: tokio::process::Child) -> Self {
        Self {
            #[cfg(unix)]
            group: process.id().and_then(|id| id.try_into().ok()),
            process,
        }
    }

    /// Waits until the process has exited.
    pub(crate) async fn exited(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Waits for the process, whose input was closed, to exit; then asks it to terminate; then kills it, and whatever is left of its group
    /// (2026-07-28, stdio, "Shutdown").
    pub(crate) async fn shutdown(mut self, grace: Duration) {
        /// How long the system may take to end a killed process.
        const KILLED: Duration = Duration::from_secs(1);
        if tokio::time::timeout(grace, self.process.wait()).await.is_err() {
            self.signal(Signal::Terminate);
            let _ = tokio::time::timeout(grace, self.process.wait()).await;
        }
        self.signal(Signal::Kill);
        let _ = tokio::time::timeout(KILLED, self.process.wait()).await;
    }

    /// Signals the process group. The group's number stays reserved while a member of it lives or its leader is not waited for; when neither
    /// is so, there is nothing to signal.
    #[cfg(unix)]
    fn signal(&mut self, signal: Signal) {
        let number = match signal {
            Signal::Terminate => libc::SIGTERM,
            Signal::Kill => libc::SIGKILL,
        };
        // After the last signal the number may come to belong to another group.
        let group = match signal {
            Signal::Terminate => self.group,
            Signal::Kill => self.group.take(),
        };
        if let Some(group) = group {
            // SAFETY: kill takes two integers and touches no memory.
            unsafe { libc::kill(-group, number) };
        }
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
        self.signal(Signal::Kill);
    }
}
