//! Formatting and lints.

use anyhow::Result;

use crate::process::Step;

/// Formats the Rust code.
pub(crate) fn format() -> Result<()> {
    Step::new("cargo").args(["fmt", "--all"]).check()?;
    Ok(())
}

/// Fails on unformatted code and on any warning.
pub(crate) fn run() -> Result<()> {
    Step::new("cargo").args(["fmt", "--all", "--check"]).check()?;
    Step::new("cargo")
        .args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
        .minutes(20)
        .check()?;
    Ok(())
}
