//! Builds the bench programs for release.

use anyhow::Result;

use crate::build::{self, Profile};
use crate::process::Step;
use crate::project;

/// Builds what `tests/bench/commands.json` names, and says how to run it.
pub(crate) fn run() -> Result<()> {
    Step::new("cargo")
        .args(["build", "--release", "--locked", "--package", "oxmcp-bench"])
        .minutes(30)
        .check()?;
    build::python(Profile::Release)?;
    build::node(Profile::Release)?;
    println!(
        "
Built for release: the programs of tests/bench/commands.json, the extension module in .build/python, and the addon in
bindings-node (the next test or demo builds the last two for development again).

Each entry has a server on stdio, a server over HTTP, and a client that takes a specification as JSON, for example

  client='{client}'
  $client '{{\"transport\": \"stdio\", \"command\": [\"{server}\", \"stdio\"], \"protocol\": \"modern\",
            \"steps\": [{{\"op\": \"seq\", \"n\": 2000, \"warmup\": 300}}, {{\"op\": \"conc\", \"n\": 25600, \"inflight\": 64}}]}}'

A driver that measures them beside other SDKs reads OXMCP_REPO={root} and that file.",
        client = project::target_dir("release").join("bench-client").display(),
        server = project::target_dir("release").join("bench-server").display(),
        root = project::root().display(),
    );
    Ok(())
}
