//! npm packages, and a Node for the conformance suite.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::process::Step;
use crate::{project, stamp};

/// The oldest Node that oxmcp is for.
const OLDEST: u32 = 20;
/// The oldest Node that the conformance suite runs on, and the authorization server.
const OLDEST_MODERN: u32 = 22;

/// Where the conformance suite is pinned, with a Node.
const CONFORMANCE: &str = "tests/conformance";

/// Installs exactly what the lock file in `dir` (below the root) names.
pub(crate) fn install(dir: &str) -> Result<()> {
    let version = version("node").context("Node is not installed; oxmcp needs Node 20 or newer")?;
    if version < OLDEST {
        bail!("Node is too old: oxmcp needs Node {OLDEST} or newer, and `node` is {version}");
    }
    let path = project::path(dir);
    let lock = fs::read_to_string(path.join("package-lock.json"))
        .with_context(|| format!("{dir} has no package-lock.json"))?;
    let name = format!("npm-{}", dir.replace('/', "-"));
    stamp::once(&name, &format!("node {version}\n{lock}"), &path.join("node_modules"), || {
        println!("installing npm packages in {dir}");
        Step::new("npm").args(["ci", "--no-fund", "--no-audit"]).dir(&path).log("npm-ci").check()?;
        Ok(())
    })
}

/// The conformance suite: the Node to run it with, and its program.
pub(crate) fn conformance_suite() -> Result<(PathBuf, PathBuf)> {
    let node = modern()?;
    let program = conformance_modules().join("@modelcontextprotocol/conformance/dist/index.js");
    Ok((node, program))
}

/// A Node for programs that do not run on the oldest one that oxmcp is for.
pub(crate) fn modern() -> Result<PathBuf> {
    install(CONFORMANCE)?;
    // The lock file carries a Node for Linux; other systems bring their own.
    let own = conformance_modules().join(".bin/node");
    let node = if own.exists() { own } else { PathBuf::from("node") };
    let version = version(&node.to_string_lossy()).context("the tests need Node 22 or newer")?;
    if version < OLDEST_MODERN {
        bail!("the tests need Node {OLDEST_MODERN} or newer, and `node` is {version}");
    }
    Ok(node)
}

fn conformance_modules() -> PathBuf {
    project::path(CONFORMANCE).join("node_modules")
}

/// The major version of a Node.
fn version(node: &str) -> Result<u32> {
    let outcome = Step::new(node).arg("--version").quiet().check()?;
    let text = outcome.text.trim();
    text.trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .with_context(|| format!("`{node} --version` said {text:?}"))
}
