//! The test suites: which runner, started how.

use anyhow::{Result, bail};

use crate::process::Step;
use crate::project::{self, Language};
use crate::tally::{self, Counts, Runner};
use crate::{build, provision};

/// The tests of one language's own: unit tests, and those of its binding.
pub(crate) fn language(language: Language) -> Result<Counts> {
    match language {
        Language::Rust => rust(),
        Language::Python => python("bindings-python/tests"),
        Language::Node => node("bindings-node"),
        Language::C => c(),
        Language::Kotlin => tally::run(Runner::Maven, build::maven().arg("test")),
        Language::Swift => tally::run(Runner::Swift, provision::swift::step().arg("test").minutes(20)),
    }
}

/// Packages that are libraries for other languages and are tested there.
pub(crate) const NOT_RUST: [&str; 4] = ["--exclude", "oxmcp-python", "--exclude", "oxmcp-node"];

/// All crates: unit, integration and documentation tests.
fn rust() -> Result<Counts> {
    let step = Step::new("cargo").args(["test", "--workspace", "--locked", "--no-fail-fast"]).args(NOT_RUST);
    tally::run(Runner::Cargo, step.minutes(40))
}

/// Python tests in `dir`, in the provisioned environment.
fn python(dir: &str) -> Result<Counts> {
    let environment = provision::python::environment()?;
    let step =
        environment.step("python").args(["-m", "pytest", "--color=no", "-p", "no:cacheprovider"]).arg(dir);
    tally::run(Runner::Pytest, step.minutes(10))
}

/// `npm test` in `dir`.
fn node(dir: &str) -> Result<Counts> {
    tally::run(Runner::Node, Step::new("npm").arg("test").dir(project::path(dir)).minutes(10))
}

/// The C tests, plain and under AddressSanitizer.
fn c() -> Result<Counts> {
    let run = |target: &str| {
        tally::run(Runner::Plain, Step::new("make").args(["-C", "bindings-ffi/c", target]).minutes(10))
    };
    Ok([run("test")?, run("asan")?].into_iter().sum())
}

/// What crosses languages and implementations: `tests/interop` and `tests/faults` of `language`, where it has them.
pub(crate) fn across(kind: &str, language: Language) -> Option<Result<Counts>> {
    let dir = format!("tests/{kind}/{language}");
    if !project::path(&dir).is_dir() {
        return None;
    }
    Some(match language {
        // Crates of the workspace: `cargo test --workspace` has run them.
        Language::Rust => return None,
        Language::Python => python(&dir),
        Language::Node => provision::node::install(&dir).and_then(|()| node(&dir)),
        other => (|| bail!("{dir}: there is no runner for {other} tests here yet"))(),
    })
}
