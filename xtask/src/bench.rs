//! Builds the bench programs for release.

use anyhow::Result;

/// Builds what `tests/bench/commands.json` names, and says how to run it.
pub(crate) fn run() -> Result<()> {
    anyhow::bail!("there are no bench programs yet")
}
