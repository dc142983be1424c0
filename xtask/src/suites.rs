//! The test suites: which runner, started how.

use anyhow::Result;

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

/// Packages that `cargo test --workspace` does not need: libraries that are tested in their own language, and what has
/// a suite of its own.
pub(crate) const NOT_RUST: [&str; 12] = [
    "--exclude",
    "oxmcp-python",
    "--exclude",
    "oxmcp-node",
    "--exclude",
    "oxmcp-interop",
    "--exclude",
    "oxmcp-interop-oidc",
    "--exclude",
    "oxmcp-parity",
    "--exclude",
    "xtask",
];

/// All crates: unit, integration and documentation tests.
fn rust() -> Result<Counts> {
    let crates = cargo_test(&[&["--workspace"], &NOT_RUST[..]].concat())?;
    // Features that are off by default, and must stay so for everything else.
    let traced =
        ["--package", "oxmcp", "--features", "opentelemetry", "--test", "opentelemetry", "--test", "layers"];
    let features = cargo_test(&traced)?;
    let tasks = cargo_test(&["--package", "xtask"])?;
    Ok([crates, features, tasks].into_iter().sum())
}

/// The C tests, plain and under AddressSanitizer.
fn c() -> Result<Counts> {
    let run = |target: &str| {
        tally::run(Runner::Plain, Step::new("make").args(["-C", "bindings-ffi/c", target]).minutes(15))
    };
    Ok([run("test")?, run("asan")?].into_iter().sum())
}

/// The tests of `tests/interop` for a language, where there are some: against the official SDK of that language. For Rust also
/// authorization, the matrix of peers, and those of `tests/parity`.
pub(crate) fn interop(language: Language) -> Option<fn() -> Result<Counts>> {
    match language {
        Language::Rust => Some(|| {
            let interop = cargo_test(&["--package", "oxmcp-interop"])?;
            Ok([interop, oidc()?, matrix()?, parity()?].into_iter().sum())
        }),
        Language::Python => Some(|| {
            provision::peer(PEERS, "mcp-2")?;
            python("tests/interop/python")
        }),
        Language::Node => Some(|| {
            provision::node::install("tests/interop/node")?;
            node("tests/interop/node")
        }),
        Language::C | Language::Kotlin | Language::Swift => None,
    }
}

/// The tests of `tests/faults`, which are in Python, with the programs of those `languages` that have some.
pub(crate) fn faults(languages: &[Language]) -> Option<impl FnOnce() -> Result<Counts>> {
    let with = [Language::Rust, Language::Python, Language::Node];
    let names: Vec<&str> =
        with.into_iter().filter(|language| languages.contains(language)).map(Language::name).collect();
    if names.is_empty() {
        return None;
    }
    Some(move || tally::run(Runner::Pytest, pytest("tests/faults")?.env("FAULTS_LANGUAGES", names.join(","))))
}

/// Every way to be authorized, by an authorization server that is not of this project.
fn oidc() -> Result<Counts> {
    provision::node::install("tests/interop/oidc")?;
    let node = provision::node::modern()?;
    tally::run(
        Runner::Cargo,
        cargo_test_step(&["--package", "oxmcp-interop-oidc"]).env("OXMCP_OIDC_NODE", node),
    )
}

/// What oxmcp is tried with.
const PEERS: &str = "tests/interop/matrix/peers";

/// Every feature, with each of the peers in `tests/interop/matrix`, which need the programs of `oxmcp-interop`.
fn matrix() -> Result<Counts> {
    provision::peers(PEERS)?;
    Step::new("cargo")
        .args(["build", "--package", "oxmcp-interop", "--bins", "--locked"])
        .minutes(20)
        .check()?;
    let step = pytest("tests/interop/matrix")?.env("INTEROP_PROGRAMS", project::target_dir("debug"));
    tally::run(Runner::Pytest, step)
}

/// What an official package, which is in Python, knows of the protocol, against what the core knows.
fn parity() -> Result<Counts> {
    let spec = project::build_dir().join("parity-spec.json");
    provision::python::environment()?.step("python").arg("tests/parity/spec.py").arg(&spec).check()?;
    tally::run(Runner::Cargo, cargo_test_step(&["--package", "oxmcp-parity"]).env("OXMCP_PARITY_SPEC", spec))
}

fn cargo_test(args: &[&str]) -> Result<Counts> {
    tally::run(Runner::Cargo, cargo_test_step(args))
}

fn cargo_test_step(args: &[&str]) -> Step {
    Step::new("cargo").arg("test").args(args).args(["--locked", "--no-fail-fast"]).minutes(40)
}

/// Python tests in `dir`.
fn python(dir: &str) -> Result<Counts> {
    tally::run(Runner::Pytest, pytest(dir)?)
}

/// A step that runs pytest on `dir` in the provisioned environment; a test may take two minutes.
fn pytest(dir: &str) -> Result<Step> {
    let environment = provision::python::environment()?;
    let options = ["-m", "pytest", "--color=no", "-p", "no:cacheprovider", "--timeout=120"];
    Ok(environment.step("python").args(options).arg(dir).minutes(15))
}

/// `npm test` in `dir`.
fn node(dir: &str) -> Result<Counts> {
    tally::run(Runner::Node, Step::new("npm").arg("test").dir(project::path(dir)).minutes(10))
}
