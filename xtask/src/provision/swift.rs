//! The Swift toolchain.

use anyhow::{Context, Result};

use crate::process::Step;
use crate::project;

const SCRIPT: &str = "bindings-ffi/swift/toolchain.sh";

/// Makes sure that Swift is there: the system's own, or one that the script of the Swift binding sets up.
pub(crate) fn toolchain() -> Result<()> {
    Step::new(project::path(SCRIPT))
        .arg("ensure")
        .minutes(20)
        .log("swift-toolchain")
        .check()
        .context("no Swift toolchain; leave Swift out with --skip swift")?;
    Ok(())
}

/// A step that runs `swift` in the Swift package, with the toolchain.
pub(crate) fn step() -> Step {
    Step::new(project::path(SCRIPT)).args(["run", "bindings-ffi/swift", "--", "swift"])
}

/// Whether Swift can be used at once, without making a toolchain first.
pub(crate) fn is_there() -> bool {
    Step::new(project::path(SCRIPT)).arg("where").quiet().run().is_ok_and(|outcome| outcome.success())
}
