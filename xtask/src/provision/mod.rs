//! Installs what the tasks need, each part when it is first asked for.
//!
//! Everything is pinned by checked-in files, goes below the root (`.build`, `node_modules`) or, for the Swift
//! toolchain, to the user's cache, and is remembered by a stamp.

pub(crate) mod node;
pub(crate) mod packages;
pub(crate) mod python;
pub(crate) mod swift;

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
