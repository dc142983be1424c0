//! Runs programs so that they always end: each in a process group of its own, with a deadline, and with nothing
//! left running behind it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::project;

/// How long output may still trickle in after a program has ended.
const DRAIN: Duration = Duration::from_secs(2);
/// How long a program that is asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(3);

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

/// How a program ended.
pub(crate) struct Outcome {
    what: String,
    status: Option<ExitStatus>,
    timeout: Duration,
    /// What it printed, both streams, line by line in the order it came.
    pub(crate) text: String,
    /// What it printed on its standard output alone.
    pub(crate) stdout: String,
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

impl Outcome {
    pub(crate) fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// What went wrong with the program itself, if anything did.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self.status {
            Some(status) if status.success() => None,
            Some(status) => Some(match status.signal() {
                Some(signal) => format!("`{}` was ended by signal {signal}", self.what),
                None => format!("`{}` exited with code {}", self.what, status.code().unwrap_or(-1)),
            }),
            None => Some(format!(
                "`{}` was still running after {} s and was ended",
                self.what,
                self.timeout.as_secs()
            )),
        }
    }
}

/// A program that runs in the background until this is dropped.
pub(crate) struct Service {
    group: Group,
    what: String,
    log: PathBuf,
}

impl Service {
    /// Starts `command`, with its output in `.build/logs/NAME.log`.
    pub(crate) fn start(mut command: Command, name: &str) -> Result<Self> {
        let log = log_path(name);
        let output = create(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let what = command.get_program().to_string_lossy().into_owned();
        let group = Group::spawn(&mut command).with_context(|| format!("cannot start `{what}`"))?;
        Ok(Self { group, what, log })
    }

    /// Waits until something listens on `port`, `seconds` at most.
    pub(crate) fn wait_for_port(&mut self, port: u16, seconds: u64) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.group.child.try_wait()? {
                bail!("`{}` ended with {status} before it listened\n{}", self.what, self.output());
            }
            if Instant::now() >= deadline {
                bail!("`{}` did not listen on port {port} within {seconds} s\n{}", self.what, self.output());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Fails if the program has ended by itself.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        if let Some(status) = self.group.child.try_wait()? {
            bail!("`{}` ended with {status} while it was in use\n{}", self.what, self.output());
        }
        Ok(())
    }

    /// The last lines of what it has printed so far.
    fn output(&self) -> String {
        tail(&fs::read_to_string(&self.log).unwrap_or_default(), 40)
    }
}

/// A child that leads a process group; dropping it ends the whole group.
struct Group {
    child: Child,
    id: libc::pid_t,
    ended: bool,
}

/// The groups that are running now, for [`end_children_on_signal`].
static RUNNING: Mutex<BTreeSet<libc::pid_t>> = Mutex::new(BTreeSet::new());

impl Group {
    fn spawn(command: &mut Command) -> Result<Self> {
        // Held across the spawn, so that a signal cannot fall between the start and the note of it.
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.process_group(0).spawn()?;
        let id = libc::pid_t::try_from(child.id())?;
        running.insert(id);
        Ok(Self { child, id, ended: false })
    }

    fn wait_until(&mut self, deadline: Instant) -> Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks the group to end, then kills what is left of it.
    fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            signal_group(self.id, libc::SIGTERM);
            let _ = self.wait_until(Instant::now() + GRACE);
        }
        signal_group(self.id, libc::SIGKILL);
        let _ = self.child.wait();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

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

/// Reaps children that have ended and that no [`Group`] waits for.
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

/// A TCP port of 127.0.0.1 that nothing listens on at the moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Whether `program` is on the search path.
pub(crate) fn on_path(program: &str) -> bool {
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&dirs).any(|dir| dir.join(program).is_file())
}

/// The last `count` lines of `text`.
pub(crate) fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn signal_group(group: libc::pid_t, signal: libc::c_int) {
    // SAFETY: a plain system call; a group that is gone is answered with an error, which is fine.
    unsafe {
        libc::kill(-group, signal);
    }
}

#[cfg(target_os = "linux")]
fn become_subreaper() {
    // SAFETY: sets a flag of this process; it has no memory effects.
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
}

#[cfg(not(target_os = "linux"))]
fn become_subreaper() {}

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

fn log_path(name: &str) -> PathBuf {
    project::build_dir().join("logs").join(format!("{name}.log"))
}

fn create(path: &Path) -> Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

/// An argument as shown to the reader: paths below the root without the root.
fn shorten(arg: &OsStr) -> String {
    let text = arg.to_string_lossy();
    let root = format!("{}/", project::root().display());
    text.replace(&root, "")
}

#[cfg(test)]
mod tests {
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
        let started = Instant::now();
        let outcome = shell("sleep 60 & echo $!; wait").seconds(1).run().expect("sh starts");
        assert!(started.elapsed() < Duration::from_secs(10));
        assert!(outcome.complaint().expect("it failed").contains("still running after 1 s"));
        let sleeper: libc::pid_t = outcome.stdout.trim().parse().expect("the id of sleep");
        // SAFETY: signal 0 only asks whether the process exists.
        while unsafe { libc::kill(sleeper, 0) } == 0 {
            assert!(started.elapsed() < Duration::from_secs(10), "sleep is still running");
            end_orphans();
        }
    }

    #[test]
    fn output_held_open_by_a_stray_does_not_hang() {
        let _turn = TURN.lock();
        become_subreaper();
        let started = Instant::now();
        let outcome = shell("setsid sleep 61 & echo done").run().expect("sh starts");
        assert!(outcome.success());
        assert!(started.elapsed() < Duration::from_secs(10));
        let strays = end_orphans();
        assert!(strays.iter().any(|stray| stray.ends_with("sleep 61")), "{strays:?}");
        assert!(end_orphans().is_empty());
    }
}
