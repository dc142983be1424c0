use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::group::Group;
use super::log::{create, log_path};
use super::tail;

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
