//! Builds the bindings in place, for development. What is up to date is left alone.

use std::path::Path;

use anyhow::Result;

use crate::process::Step;
use crate::project::{self, Language};
use crate::{provision, stamp, suites};

/// What every binding is made from.
const CORE: [&str; 4] = ["Cargo.toml", "Cargo.lock", ".cargo", "core"];

/// Builds `languages`; all when none is named.
pub(crate) fn run(languages: &[Language]) -> Result<()> {
    project::languages_or_all(languages).into_iter().try_for_each(|language| build(language, Scope::All))
}

/// How much to build.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scope {
    /// The binding and its examples.
    Examples,
    /// What the tests need as well.
    All,
}

/// Installs what one language needs, and builds it.
pub(crate) fn build(language: Language, scope: Scope) -> Result<()> {
    provision::prepare(language)?;
    match language {
        Language::Rust => rust(scope),
        Language::Python => python(Profile::Dev),
        Language::Node => node(Profile::Dev),
        Language::C => c(scope),
        Language::Kotlin => kotlin(),
        Language::Swift => swift(),
    }
}

/// How to compile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// The Rust programs.
fn rust(scope: Scope) -> Result<()> {
    match scope {
        Scope::Examples => cargo(&["build", "--package", "oxmcp-examples"]),
        // As the tests select them, so that they find the same dependencies built.
        Scope::All => {
            cargo(&[&["build", "--workspace", "--bins", "--tests"], &suites::NOT_RUST[..]].concat())
        }
    }
}

/// Puts the extension module into `.build/python`.
pub(crate) fn python(profile: Profile) -> Result<()> {
    let environment = provision::python::environment()?;
    let product = project::path("bindings-python/python/oxmcp/_core.abi3.so");
    due("python", profile, &["bindings-python", ".build/python/pyvenv.cfg"], &product, || {
        let mut step =
            environment.step("maturin").args(["develop", "--locked", "-m", "bindings-python/Cargo.toml"]);
        if profile == Profile::Release {
            step = step.arg("--release");
        }
        step.minutes(20).check().map(drop)
    })
}

/// Puts the addon and the compiled TypeScript into `bindings-node`.
pub(crate) fn node(profile: Profile) -> Result<()> {
    provision::node::install("bindings-node")?;
    let script = match profile {
        Profile::Dev => "build:debug",
        Profile::Release => "build",
    };
    due("node", profile, &["bindings-node"], &project::path("bindings-node/dist"), || {
        Step::new("npm")
            .args(["run", script])
            .dir(project::path("bindings-node"))
            .minutes(20)
            .check()
            .map(drop)
    })?;
    provision::node::install("examples/node")
}

/// The library, and the C programs of examples and tests.
fn c(scope: Scope) -> Result<()> {
    let target = match scope {
        Scope::Examples => "examples",
        Scope::All => "all",
    };
    Step::new("make").args(["-C", "bindings-ffi/c", target]).minutes(20).check().map(drop)
}

/// The library, its Kotlin surface, and the Kotlin programs.
fn kotlin() -> Result<()> {
    cargo(&["build", "--package", "oxmcp-ffi"])?;
    let sources = ["bindings-ffi", "examples/kotlin"];
    // The class path is the last thing that this phase writes, and what the scripts start from.
    due("kotlin", Profile::Dev, &sources, &project::path("bindings-ffi/kotlin/target/classpath"), || {
        maven().arg("process-test-classes").check().map(drop)
    })
}

/// The library, its Swift surface, and the Swift programs.
fn swift() -> Result<()> {
    let sources = ["bindings-ffi", "examples/swift", "tests/conformance/swift"];
    due("swift", Profile::Dev, &sources, &project::path("bindings-ffi/swift/Generated"), || {
        Step::new(project::path("bindings-ffi/swift/build.sh")).minutes(30).check().map(drop)
    })
}

/// Maven on the Kotlin project, with no questions and no progress bars. The compiler runs inside it: as a daemon it
/// would outlive the step by half an hour.
pub(crate) fn maven() -> Step {
    let options = ["--batch-mode", "--no-transfer-progress", "-Dkotlin.compiler.daemon=false"];
    Step::new("mvn").args(options).args(["-f", "bindings-ffi/kotlin/pom.xml"]).minutes(15)
}

fn cargo(args: &[&str]) -> Result<()> {
    Step::new("cargo").args(args).arg("--locked").minutes(30).check().map(drop)
}

/// Runs `work` when the core or the binding's `sources` have changed since it made `product`.
fn due(
    name: &str,
    profile: Profile,
    sources: &[&str],
    product: &Path,
    work: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let inputs = format!("{profile:?}\n{}", stamp::fingerprint(&[&CORE[..], sources].concat())?);
    stamp::once(&format!("build-{name}"), &inputs, product, work)
}
