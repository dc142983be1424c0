//! Where things are, and which languages there are.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

/// A language that oxmcp is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Language {
    Rust,
    Python,
    Node,
    C,
    Kotlin,
    Swift,
}

impl Language {
    pub(crate) const ALL: [Self; 6] =
        [Self::Rust, Self::Python, Self::Node, Self::C, Self::Kotlin, Self::Swift];

    /// The name used in options, file names and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Node => "node",
            Self::C => "c",
            Self::Kotlin => "kotlin",
            Self::Swift => "swift",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// `chosen`, or every language when none was chosen.
pub(crate) fn languages_or_all(chosen: &[Language]) -> Vec<Language> {
    if chosen.is_empty() { Language::ALL.to_vec() } else { chosen.to_vec() }
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository's root")
}

/// A path below the root.
pub(crate) fn path(below: &str) -> PathBuf {
    root().join(below)
}

/// Where the tasks install, log and remember: `.build`, which is not checked in.
pub(crate) fn build_dir() -> PathBuf {
    path(".build")
}

/// The directory Cargo puts a profile's products in.
pub(crate) fn target_dir(profile: &str) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| path("target"), PathBuf::from).join(profile)
}
