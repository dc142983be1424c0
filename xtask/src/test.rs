//! Runs all tests, in all languages, and counts them.

use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use crate::project::Language;
use crate::tally::Counts;
use crate::{build, conformance, process, suites};

/// What to test; everything when nothing is chosen.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave a language out.
    #[arg(long, value_name = "LANG")]
    skip: Vec<Language>,
    /// Test this language alone.
    #[arg(long, value_name = "LANG")]
    only: Vec<Language>,
    /// Run this part of the tests alone.
    #[arg(long, value_enum, value_name = "PART")]
    part: Vec<Part>,
}

/// A part of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Each language's own tests.
    Unit,
    /// Against the official SDKs.
    Interop,
    /// Against peers that lie, stall, die and flood.
    Faults,
    /// The official conformance suite.
    Conformance,
}

/// The results so far.
#[derive(Default)]
struct Results {
    lines: Vec<(String, Counts)>,
}

impl Results {
    /// Runs one suite. One that cannot run, or leaves a program running, counts as a failure.
    fn record(&mut self, name: String, run: impl FnOnce() -> Result<Counts>) {
        println!("\n===== {name} =====");
        let started = Instant::now();
        let mut counts = run().unwrap_or_else(|error| {
            println!("FAILED: {error:#}");
            Counts { passed: 0, failed: 1 }
        });
        for orphan in process::end_orphans() {
            println!("FAILED: left a program running: {orphan}");
            counts.failed += 1;
        }
        println!("{name}: {counts} ({} s)", started.elapsed().as_secs());
        self.lines.push((name, counts));
    }
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    let languages: Vec<Language> = Language::ALL
        .into_iter()
        .filter(|language| options.only.is_empty() || options.only.contains(language))
        .filter(|language| !options.skip.contains(language))
        .collect();
    if languages.is_empty() {
        bail!("no language is left to test");
    }
    let wanted = |part: Part| options.part.is_empty() || options.part.contains(&part);

    let mut results = Results::default();
    let mut built = Vec::new();
    for &language in &languages {
        println!("\n===== build {language} =====");
        match build::build(language, build::Scope::All) {
            Ok(()) => built.push(language),
            Err(error) => {
                println!("FAILED: {error:#}");
                results.lines.push((format!("{language}-build"), Counts { passed: 0, failed: 1 }));
            }
        }
    }
    process::end_orphans();

    for &language in built.iter().filter(|_| wanted(Part::Unit)) {
        results.record(language.to_string(), || suites::language(language));
    }
    for &language in built.iter().filter(|_| wanted(Part::Interop)) {
        if let Some(run) = suites::interop(language) {
            results.record(format!("interop-{language}"), run);
        }
    }
    if wanted(Part::Faults)
        && let Some(run) = suites::faults(&built)
    {
        results.record("faults".to_owned(), run);
    }
    if wanted(Part::Conformance) {
        let mut each = Vec::new();
        results.record("conformance".to_owned(), || {
            each = conformance::run_languages(&built)?;
            Ok(each.iter().map(|(_, counts)| *counts).sum())
        });
        if !each.is_empty() {
            results.lines.pop();
            results.lines.extend(
                each.into_iter().map(|(language, counts)| (format!("conformance-{language}"), counts)),
            );
        }
    }
    summarise(&results, options)
}

fn summarise(results: &Results, options: &Options) -> Result<()> {
    println!("\n===== summary =====");
    for language in &options.skip {
        println!("{language} WAS LEFT OUT: nothing is known about it");
    }
    for (name, counts) in &results.lines {
        println!("{name}: {counts}");
    }
    let total: Counts = results.lines.iter().map(|(_, counts)| *counts).sum();
    println!("total: {total}");
    if total.failed > 0 || total.passed == 0 {
        bail!("{}", if total.failed > 0 { "there are failures" } else { "no test ran" });
    }
    Ok(())
}
