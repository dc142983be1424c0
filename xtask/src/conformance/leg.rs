//! One run of the suite: a language in a role at a revision.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::requirements::Requirements;
use super::{EARLIER, REVISIONS, Role, expected, is_complete, suite};
use crate::process::{self, Service, Step};
use crate::project::{self, Language};

/// How long a client may take for one scenario, in milliseconds. All of a leg's clients run at once.
const CLIENT_TIMEOUT_MS: &str = "120000";
/// How long a server may take until it listens, in seconds.
const START_SECONDS: u64 = 60;

/// A language in a role at a revision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg {
    pub(super) language: Language,
    pub(super) role: Role,
    pub(super) revision: &'static str,
}

/// How a leg went.
pub(super) struct Report {
    /// Scenarios that passed as they should.
    pub(super) passed: Vec<String>,
    /// How many failed that are known to.
    pub(super) expected: usize,
    /// Scenarios that failed and are not listed, each with the reason.
    pub(super) unexpected: Vec<(String, String)>,
    /// Scenarios that passed although they are listed.
    pub(super) stale: Vec<String>,
    pub(super) took: Duration,
}

impl Leg {
    /// All legs of a language.
    pub(super) fn all(language: Language) -> Vec<Self> {
        let earlier = EARLIER.into_iter().filter(|_| is_complete(language));
        let revisions: Vec<&'static str> = earlier.chain(REVISIONS).collect();
        let leg = |role| revisions.iter().map(move |&revision| Self { language, role, revision });
        [Role::Server, Role::Client].into_iter().flat_map(leg).collect()
    }

    /// Runs what is required of the leg, and holds the results against the list of expected failures.
    pub(super) fn run(&self, requirements: &Requirements) -> Result<Report> {
        let started = Instant::now();
        let scenarios = &requirements.scenarios(self.role, is_complete(self.language));
        let known = expected::failures(self, scenarios)?;
        let results = project::build_dir().join("conformance").join(self.name());
        if results.exists() {
            fs::remove_dir_all(&results)?;
        }
        let step = requirements
            .choose(suite()?.arg(self.role.name()))
            .arg("--output-dir")
            .arg(&results)
            .log(&format!("conformance-{}", self.name()))
            .minutes(10);
        let outcome = self.against(step)?;
        if !outcome.contains("SUMMARY") {
            bail!("the suite did not run to its end:\n{}", process::tail(&outcome, 20));
        }
        let mut report = Report {
            passed: Vec::new(),
            expected: 0,
            unexpected: Vec::new(),
            stale: Vec::new(),
            took: Duration::ZERO,
        };
        for scenario in scenarios {
            match (verdict(&results, self.role, scenario)?, known.contains(scenario)) {
                (Ok(()), false) => report.passed.push(scenario.clone()),
                (Ok(()), true) => report.stale.push(scenario.clone()),
                (Err(_), true) => report.expected += 1,
                (Err(why), false) => report.unexpected.push((scenario.clone(), why)),
            }
        }
        if outcome.contains("Client timed out after") {
            report.unexpected.push(("(all)".to_owned(), "a client did not end by itself".to_owned()));
        }
        report.took = started.elapsed();
        Ok(report)
    }

    /// Runs one scenario and shows its checks.
    pub(super) fn run_scenario(&self, scenario: &str) -> Result<()> {
        println!("\n{self}");
        let step =
            suite()?.arg(self.role.name()).args(["--scenario", scenario, "--spec-version", self.revision]);
        self.against(step).map(drop)
    }

    /// What the lines of the expected-failures file begin with.
    pub(super) fn key(&self) -> String {
        format!("{} {}", self.revision, self.role.name())
    }

    fn name(&self) -> String {
        format!("{}-{}-{}", self.language, self.role.name(), self.revision)
    }

    /// Completes the suite's command line with what is tested, runs it, and returns what it printed.
    fn against(&self, step: Step) -> Result<String> {
        let program = format!("tests/conformance/{}-{}", self.role.name(), self.language);
        if !project::path(&program).exists() {
            bail!("{program} is not there");
        }
        match self.role {
            Role::Client => {
                Ok(step.args(["--timeout", CLIENT_TIMEOUT_MS, "--command"]).arg(&program).run()?.text)
            }
            Role::Server => {
                let port = process::free_port()?;
                let mut command = Command::new(project::path(&program));
                command.args(["--port", &port.to_string()]).current_dir(project::root());
                let mut server = Service::start(command, &format!("conformance-{}-program", self.name()))?;
                server.wait_for_port(port, START_SECONDS)?;
                let text = step.arg("--url").arg(format!("http://127.0.0.1:{port}/mcp")).run()?.text;
                server.check_alive()?;
                Ok(text)
            }
        }
    }
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {}", self.language, self.role.name(), self.revision)
    }
}

/// Whether a scenario passed, from the checks the suite saved; the error says why it did not. It passed if it did each time that it was run.
fn verdict(results: &Path, role: Role, scenario: &str) -> Result<Result<(), String>> {
    let files = checks_files(results, role, scenario);
    if files.is_empty() {
        return Ok(Err("the scenario broke off; see the log".to_owned()));
    }
    for file in files {
        let text = fs::read_to_string(&file)?;
        let checks: Vec<Value> =
            serde_json::from_str(&text).with_context(|| format!("cannot read {}", file.display()))?;
        if let Some(why) = complaint(&checks) {
            return Ok(Err(why));
        }
    }
    Ok(Ok(()))
}

/// What is wrong with the checks of a run of a scenario.
fn complaint(checks: &[Value]) -> Option<String> {
    let status = |check: &Value| check["status"].as_str().unwrap_or_default().to_owned();
    for check in checks {
        if matches!(status(check).as_str(), "FAILURE" | "WARNING") {
            let name = check["id"].as_str().unwrap_or("a check");
            let why = check["errorMessage"].as_str().or(check["description"].as_str()).unwrap_or("failed");
            return Some(one_line(&format!("{name}: {why}")));
        }
    }
    let is_checked = checks.iter().any(|check| status(check) == "SUCCESS");
    (!is_checked)
        .then(|| "nothing was checked: the program did not do what the scenario waits for".to_owned())
}

/// The suite writes `[server-]SCENARIO-TIME/checks.json`, where the scenario's name may hold a slash.
fn checks_files(results: &Path, role: Role, scenario: &str) -> Vec<PathBuf> {
    let prefix = match role {
        Role::Server => "server-",
        Role::Client => "",
    };
    let path = results.join(format!("{prefix}{scenario}"));
    let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else { return Vec::new() };
    let start = format!("{}-", name.to_string_lossy());
    let is_of_it = |dir: &PathBuf| {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        name.strip_prefix(&start).is_some_and(|time| time.starts_with("20"))
    };
    let dirs = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    dirs.filter(is_of_it).map(|dir| dir.join("checks.json")).filter(|file| file.exists()).collect()
}

/// `text` short and on one line; the whole is in the log.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.char_indices().nth(LONGEST).map_or(line.clone(), |(end, _)| format!("{}...", &line[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_passes_when_every_run_of_it_checked_something_and_nothing_failed() {
        let results = std::env::temp_dir().join(format!("oxmcp-xtask-{}", std::process::id()));
        let ran = |scenario: &str, time: u32, statuses: &[&str]| {
            let checks: Vec<Value> =
                statuses.iter().map(|status| serde_json::json!({"id": "c", "status": status})).collect();
            let dir = results.join(format!("{scenario}-20{time}"));
            fs::create_dir_all(&dir).expect("a folder");
            fs::write(dir.join("checks.json"), Value::from(checks).to_string()).expect("a file");
        };
        ran("server-good", 1, &["SUCCESS", "INFO"]);
        ran("server-good-and-more", 1, &["FAILURE"]);
        ran("server-warned", 1, &["SUCCESS", "WARNING"]);
        ran("server-idle", 1, &["SKIPPED"]);
        ran("server-once", 1, &["SUCCESS"]);
        ran("server-once", 2, &["FAILURE"]);
        ran("auth/good", 1, &["SUCCESS"]);

        let passes = |role, scenario| verdict(&results, role, scenario).expect("checks can be read").is_ok();
        assert!(passes(Role::Server, "good") && passes(Role::Client, "auth/good"));
        for scenario in ["good-and-more", "warned", "idle", "once", "never"] {
            assert!(!passes(Role::Server, scenario), "{scenario}");
        }
        fs::remove_dir_all(&results).expect("the folder");
    }
}
