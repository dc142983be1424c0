//! Installs what the tasks need, each part when it is first asked for.
//!
//! Everything is pinned by checked-in files, goes below the root (`.build`, `node_modules`) or, for the Swift
//! toolchain, to the user's cache, and is remembered by a stamp.

pub(crate) mod node;
pub(crate) mod packages;
pub(crate) mod python;
pub(crate) mod swift;

use std::fs;

use anyhow::Result;

use crate::project::{self, Language};

/// Installs what building and testing `languages` needs; all languages when none is named.
pub(crate) fn run(languages: &[Language]) -> Result<()> {
    for language in project::languages_or_all(languages) {
        println!("provisioning {language}");
        prepare(language)?;
    }
    if languages.is_empty() {
        node::conformance_suite()?;
    }
    Ok(())
}

/// Installs what building and testing one language needs.
pub(crate) fn prepare(language: Language) -> Result<()> {
    match language {
        Language::Rust => Ok(()),
        Language::Python => python::environment().map(drop),
        Language::Node => node::install("bindings-node"),
        Language::C => packages::c_compiler(),
        Language::Kotlin => packages::kotlin(),
        Language::Swift => swift::toolchain(),
    }
}

/// Installs the peers that oxmcp is tried with: each folder in `dir` (below the root) is one.
pub(crate) fn peers(dir: &str) -> Result<()> {
    for entry in fs::read_dir(project::path(dir))? {
        peer(dir, &entry?.file_name().to_string_lossy())?;
    }
    Ok(())
}

/// Installs what the peer in the folder `name` of `dir` pins with a `requirements.txt` or a `package-lock.json`, if it has one.
pub(crate) fn peer(dir: &str, name: &str) -> Result<()> {
    let folder = project::path(dir).join(name);
    if folder.join("requirements.txt").exists() {
        python::peer(name, &format!("{dir}/{name}/requirements.txt"))?;
    } else if folder.join("package-lock.json").exists() {
        node::install(&format!("{dir}/{name}"))?;
    }
    Ok(())
}
