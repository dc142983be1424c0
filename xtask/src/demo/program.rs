//! How to start the example programs.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::project::{self, Language};

/// The command of a language's example server, without arguments.
pub(super) fn server(language: Language) -> Vec<OsString> {
    command(language, "server")
}

/// The command of a language's example client, without arguments.
pub(super) fn client(language: Language) -> Vec<OsString> {
    command(language, "client")
}

fn command(language: Language, role: &str) -> Vec<OsString> {
    let words: Vec<PathBuf> = match language {
        Language::Rust => vec![project::target_dir("debug").join(format!("example-{role}"))],
        Language::Python => vec![
            project::build_dir().join("python/bin/python"),
            project::path(&format!("examples/python/{role}.py")),
        ],
        Language::Node => vec!["node".into(), project::path(&format!("examples/node/{role}.mjs"))],
        Language::C => vec![project::path(&format!("bindings-ffi/c/build/example-{role}"))],
        Language::Kotlin | Language::Swift => vec![project::path(&format!("examples/{language}/{role}"))],
    };
    words.into_iter().map(PathBuf::into_os_string).collect()
}
