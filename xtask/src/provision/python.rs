//! The Python environment in `.build/python`, and those of the peers that oxmcp is tried with.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::process::{self, Step};
use crate::{project, stamp};

/// Files that pin what is installed; those that are there.
const REQUIREMENTS: [&str; 3] =
    ["bindings-python/tests/requirements.txt", "tests/parity/requirements.txt", "xtask/requirements.txt"];

/// Interpreters to try, best first.
const INTERPRETERS: [&str; 7] =
    ["python3", "python3.13", "python3.12", "python3.11", "python3.10", "python3.14", "python"];

/// A Python environment.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    root: PathBuf,
}

impl Environment {
    /// A program installed in the environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// A step that runs a program of the environment, with the environment active.
    pub(crate) fn step(&self, name: &str) -> Step {
        self.activate(Step::new(self.program(name)))
    }

    /// Makes the environment the active one for `step`.
    pub(crate) fn activate(&self, step: Step) -> Step {
        let path = std::env::var("PATH").unwrap_or_default();
        step.env("VIRTUAL_ENV", &self.root).env("PATH", format!("{}:{path}", self.root.join("bin").display()))
    }
}

/// The environment, made and filled when it is not there or not up to date.
pub(crate) fn environment() -> Result<Environment> {
    filled("python", &REQUIREMENTS)
}

/// An environment with what the file `requirements` pins, in `.build/interop/<name>`: for a peer that cannot share one with others.
pub(crate) fn peer(name: &str, requirements: &str) -> Result<()> {
    filled(&format!("interop/{name}"), &[requirements]).map(drop)
}

/// The environment at `place` below `.build`, with what the `files` that are there pin.
fn filled(place: &str, files: &[&str]) -> Result<Environment> {
    let environment = Environment { root: project::build_dir().join(place) };
    let interpreter = interpreter()?;
    let mut inputs = format!("{interpreter}\n");
    for file in files {
        if let Ok(text) = fs::read_to_string(project::path(file)) {
            writeln!(inputs, "{file}\n{text}")?;
        }
    }
    stamp::once(&place.replace('/', "-"), &inputs, &environment.program("python"), || {
        println!("making a Python environment in .build/{place}");
        if !environment.program("python").exists() {
            Step::new(&interpreter)
                .args(["-m", "venv"])
                .arg(&environment.root)
                .log("python-venv")
                .check()
                .context("cannot make a virtual environment; on Debian it needs the package python3-venv")?;
        }
        let mut pip =
            environment.step("python").args(["-m", "pip", "install", "--disable-pip-version-check"]);
        for file in files.iter().filter(|file| project::path(file).exists()) {
            pip = pip.arg("-r").arg(project::path(file));
        }
        pip.minutes(15).log("pip-install").check()?;
        Ok(())
    })?;
    Ok(environment)
}

/// A Python that is new enough.
fn interpreter() -> Result<String> {
    INTERPRETERS
        .into_iter()
        .filter(|name| process::on_path(name))
        .find(|name| {
            let check = "import sys; sys.exit(sys.version_info < (3, 10))";
            Step::new(name).args(["-c", check]).quiet().run().is_ok_and(|outcome| outcome.success())
        })
        .map(str::to_owned)
        .context("no Python 3.10 or newer was found; install one, or leave Python out with --skip python")
}
