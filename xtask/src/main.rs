//! Every task of the project, the same for people and CI. `cargo xtask --help` lists them.

mod bench;
mod build;
mod clean;
mod conformance;
mod demo;
mod fuzz;
mod lint;
mod process;
mod project;
mod provision;
#[cfg(test)]
mod readme;
mod stamp;
mod suites;
mod tally;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use project::Language;

/// The project's tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// See it work: every language calls another, and third-party servers too.
    Demo(demo::Options),
    /// Run all tests, in all languages.
    Test(test::Options),
    /// Run the official MCP conformance suite.
    Conformance(conformance::Options),
    /// Build the bindings in place, for development.
    Build {
        /// The languages to build; all when none is named.
        languages: Vec<Language>,
    },
    /// Install into `.build` and `node_modules` what the tasks need. The other tasks do this by themselves.
    Provision {
        /// The languages to provide for; all when none is named.
        languages: Vec<Language>,
    },
    /// Build the bench programs for release and say how to run them.
    Bench,
    /// Feed the parsers what nobody would send, a minute for each. Not part of `test`.
    Fuzz(fuzz::Options),
    /// Format the Rust code.
    Fmt,
    /// Check formatting and run clippy; a warning is an error.
    Lint,
    /// Remove what the tasks built and installed.
    Clean,
}

fn main() -> ExitCode {
    process::end_children_on_signal();
    let result = match Cli::parse().task {
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Conformance(options) => conformance::run(&options),
        Task::Build { languages } => build::run(&languages),
        Task::Provision { languages } => provision::run(&languages),
        Task::Bench => bench::run(),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Fmt => lint::format(),
        Task::Lint => lint::run(),
        Task::Clean => clean::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
