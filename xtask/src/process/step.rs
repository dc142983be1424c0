use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::group::Group;
use super::log::{create, log_path};
use super::{Outcome, tail};
use crate::project;

/// How long output may still trickle in after a program has ended.
const DRAIN: Duration = Duration::from_secs(2);

/// Where a program's output goes while it runs. All of it is kept in [`Outcome::text`] as well.
enum Show {
    /// To our own output, as it comes.
    Stream,
    /// To a file under `.build/logs`.
    Log(PathBuf),
    /// Nowhere else.
    Keep,
}

/// A program to run to its end.
pub(crate) struct Step {
    what: String,
    command: Command,
    timeout: Duration,
    show: Show,
}

impl Step {
    /// A step that runs `program` in the root of the repository, with no input and ten minutes at most.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command.current_dir(project::root());
        let what = Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned();
        Self { what, command, timeout: Duration::from_secs(600), show: Show::Stream }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.what.push(' ');
        self.what.push_str(&shorten(arg.as_ref()));
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in `dir` instead of the root.
    pub(crate) fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Ends the program, and all it started, after this many minutes.
    pub(crate) fn minutes(mut self, minutes: u64) -> Self {
        self.timeout = Duration::from_secs(minutes * 60);
        self
    }

    /// Ends the program, and all it started, after this many seconds.
    pub(crate) fn seconds(mut self, seconds: u64) -> Self {
        self.timeout = Duration::from_secs(seconds);
        self
    }

    /// Writes the output to `.build/logs/NAME.log` instead of showing it.
    pub(crate) fn log(mut self, name: &str) -> Self {
        self.show = Show::Log(log_path(name));
        self
    }

    /// Does not show the output; it is in [`Outcome::text`].
    pub(crate) fn quiet(mut self) -> Self {
        self.show = Show::Keep;
        self
    }

    /// Runs the program to its end. An error means that it could not be started.
    pub(crate) fn run(mut self) -> Result<Outcome> {
        let mut log = match &self.show {
            Show::Log(path) => Some(create(path)?),
            Show::Stream => {
                println!("$ {}", self.what);
                None
            }
            Show::Keep => None,
        };
        let deadline = Instant::now() + self.timeout;
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group =
            Group::spawn(&mut self.command).with_context(|| format!("cannot start `{}`", self.what))?;

        let (lines, received) = mpsc::channel::<(Source, Vec<u8>)>();
        if let Some(stdout) = group.child.stdout.take() {
            read_lines(Source::Stdout, stdout, lines.clone());
        }
        if let Some(stderr) = group.child.stderr.take() {
            read_lines(Source::Stderr, stderr, lines.clone());
        }
        drop(lines);

        let (mut text, mut stdout) = (String::new(), String::new());
        let mut status = None;
        let mut until = deadline;
        loop {
            let wait = until.saturating_duration_since(Instant::now()).min(Duration::from_millis(50));
            match received.recv_timeout(wait) {
                Ok((source, line)) => {
                    match (&self.show, &mut log) {
                        (Show::Stream, _) => std::io::stdout().write_all(&line)?,
                        (_, Some(log)) => log.write_all(&line)?,
                        _ => {}
                    }
                    let line = String::from_utf8_lossy(&line);
                    text.push_str(&line);
                    if source == Source::Stdout {
                        stdout.push_str(&line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // Both streams are closed: nothing more can come.
                Err(RecvTimeoutError::Disconnected) => {
                    status = group.wait_until(deadline)?;
                    break;
                }
            }
            if status.is_none() {
                status = group.child.try_wait()?;
                if status.is_some() {
                    until = Instant::now() + DRAIN;
                }
            }
            if Instant::now() >= until {
                break;
            }
        }
        group.end();
        Ok(Outcome { what: self.what, status, timeout: self.timeout, text, stdout })
    }

    /// Runs the program and fails unless it succeeds.
    pub(crate) fn check(self) -> Result<Outcome> {
        let log = match &self.show {
            Show::Log(path) => Some(path.clone()),
            _ => None,
        };
        let shown = matches!(self.show, Show::Stream);
        let outcome = self.run()?;
        if let Some(complaint) = outcome.complaint() {
            match log {
                Some(path) => bail!("{complaint}; see {}\n{}", path.display(), tail(&outcome.text, 40)),
                None if !shown => bail!("{complaint}\n{}", tail(&outcome.text, 40)),
                None => bail!("{complaint}"),
            }
        }
        Ok(outcome)
    }
}

/// Which of its streams a program printed a line on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Stdout,
    Stderr,
}

fn read_lines(source: Source, stream: impl Read + Send + 'static, lines: mpsc::Sender<(Source, Vec<u8>)>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if lines.send((source, line)).is_err() => return,
                Ok(_) => {}
            }
        }
    });
}

/// An argument as shown to the reader: paths below the root without the root.
fn shorten(arg: &OsStr) -> String {
    let text = arg.to_string_lossy();
    let root = format!("{}/", project::root().display());
    text.replace(&root, "")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::end_orphans;
    use super::super::orphans::become_subreaper;
    use super::*;

    /// Orphans are children of the whole process, so these tests take turns.
    static TURN: Mutex<()> = Mutex::new(());

    fn shell(script: &str) -> Step {
        Step::new("sh").arg("-c").arg(script).quiet()
    }

    #[test]
    fn output_and_status_are_kept() {
        let _turn = TURN.lock();
        let outcome = shell("echo out; echo err >&2; exit 3").run().expect("sh starts");
        assert_eq!(outcome.stdout, "out\n");
        assert!(outcome.text.contains("err\n"));
        assert!(outcome.complaint().expect("it failed").ends_with("exited with code 3"));
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_it_started() {
        let _turn = TURN.lock();
        become_subreaper();
        let outcome = shell("sleep 600 & echo $!; wait").seconds(1).run().expect("sh starts");
        assert!(outcome.complaint().expect("it failed").contains("still running after 1 s"));
        let sleeper: libc::pid_t = outcome.stdout.trim().parse().expect("the id of sleep");
        let mut status = 0;
        // SAFETY: a plain system call on the id of what is a child of ours, unless the shell has reaped it.
        let reaped = unsafe { libc::waitpid(sleeper, &raw mut status, 0) };
        assert!(reaped == -1 || libc::WIFSIGNALED(status), "it slept to its end");
    }

    /// The stray is still there when the run is over.
    #[test]
    fn output_held_open_by_a_stray_does_not_hang() {
        let _turn = TURN.lock();
        become_subreaper();
        let outcome = shell("setsid sleep 600 & echo done").run().expect("sh starts");
        assert!(outcome.success());
        let strays = end_orphans();
        assert!(strays.iter().any(|stray| stray.ends_with("sleep 600")), "{strays:?}");
        assert!(end_orphans().is_empty());
    }
}
