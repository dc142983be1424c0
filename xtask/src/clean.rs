//! Removes what the tasks made.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::process::Step;
use crate::project;

/// What builds leave behind, but for Cargo's and npm's.
const PRODUCTS: [&str; 8] = [
    ".build",
    "bindings-node/dist",
    "bindings-ffi/c/build",
    "bindings-ffi/kotlin/target",
    "bindings-ffi/swift/Generated",
    "bindings-ffi/swift/.build",
    "examples/swift/.build",
    "tests/conformance/swift/.build",
];

/// Removes Cargo's products, what was installed below the root, and the logs. Sources and caches outside stay.
pub(crate) fn run() -> Result<()> {
    for dir in ["bindings-node", "tests", "examples"] {
        remove_node_modules(&project::path(dir))?;
    }
    for dir in PRODUCTS {
        remove(&project::path(dir))?;
    }
    Step::new("cargo").arg("clean").check()?;
    Ok(())
}

fn remove_node_modules(dir: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.ends_with("node_modules") {
            remove(&path)?;
        } else if path.is_dir() && !path.is_symlink() {
            remove_node_modules(&path)?;
        }
    }
    Ok(())
}

fn remove(dir: &Path) -> Result<()> {
    if dir.exists() {
        println!("removing {}", dir.display());
        fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    Ok(())
}
