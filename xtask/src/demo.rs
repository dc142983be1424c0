//! Shows oxmcp at work.

use anyhow::Result;
use clap::Args;

/// How to show it.
#[derive(Args)]
pub(crate) struct Options {}

/// Runs the verb.
pub(crate) fn run(_options: &Options) -> Result<()> {
    anyhow::bail!("to come")
}
