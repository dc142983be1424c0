//! Runs the official MCP conformance suite against the programs in `tests/conformance`.
//!
//! The suite's own requirement sets say which scenarios a revision of the specification asks for. A scenario counts as
//! passed here when at least one of its checks succeeded and none failed or warned; the suite itself lets a scenario
//! pass that checked nothing. What oxmcp does not cover yet is listed in `tests/conformance/expected-failures`, and
//! those lists may only shrink: a listed scenario that passes fails the run, as does an unlisted one that fails.

mod expected;
mod leg;
mod requirements;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::process::Step;
use crate::project::{self, Language};
use crate::tally::Counts;
use crate::{build, provision};
use leg::{Leg, Report};
use requirements::Requirements;

/// The revisions that the suite has requirement sets for and that every language is held to.
const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Earlier revisions, for which the suite has scenarios and no requirement sets. Languages that cover everything are held to them.
const EARLIER: [&str; 2] = ["2025-03-26", "2025-06-18"];

/// Whether a language covers everything that the suite can run, so that it is also held to the scenarios that are not scored.
fn is_complete(language: Language) -> bool {
    language == Language::Rust
}

/// How many legs run at the same time.
const WORKERS: usize = 2;

/// What to run of the suite; everything when nothing is chosen.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// The language to test.
    #[arg(long = "lang", value_name = "LANG")]
    language: Vec<Language>,
    /// The role to test.
    #[arg(long)]
    role: Option<Role>,
    /// The revision of the specification to test.
    #[arg(long, value_parser = [EARLIER[0], EARLIER[1], REVISIONS[0], REVISIONS[1]])]
    revision: Option<String>,
    /// Run this scenario alone and show its checks, whatever is expected of it.
    #[arg(long)]
    scenario: Option<String>,
}

/// Which side of MCP is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    Server,
    Client,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    let languages = project::languages_or_all(&options.language);
    build::run(&languages)?;
    if let Some(scenario) = &options.scenario {
        return legs(&languages, options).iter().try_for_each(|leg| leg.run_scenario(scenario));
    }
    let results = run_legs(legs(&languages, options))?;
    let total: Counts = results.iter().map(|(_, counts)| *counts).sum();
    println!("\n{total}");
    if total.failed > 0 || total.passed == 0 {
        bail!("the conformance suite found something");
    }
    Ok(())
}

/// Runs the whole suite for built `languages`; counts for each language.
pub(crate) fn run_languages(languages: &[Language]) -> Result<Vec<(Language, Counts)>> {
    let results = run_legs(legs(languages, &Options::default()))?;
    Ok(languages
        .iter()
        .map(|language| {
            (
                *language,
                results.iter().filter(|(leg, _)| leg.language == *language).map(|(_, counts)| *counts).sum(),
            )
        })
        .collect())
}

fn legs(languages: &[Language], options: &Options) -> Vec<Leg> {
    let mut legs: Vec<Leg> = languages.iter().flat_map(|language| Leg::all(*language)).collect();
    legs.retain(|leg| {
        options.role.is_none_or(|only| only == leg.role)
            && options.revision.as_deref().is_none_or(|only| only == leg.revision)
    });
    legs
}

/// Runs legs, a few at a time, and reports each as it ends.
fn run_legs(legs: Vec<Leg>) -> Result<Vec<(Leg, Counts)>> {
    let requirements = (EARLIER.into_iter().map(Requirements::read_applicable))
        .chain(REVISIONS.into_iter().map(Requirements::read))
        .collect::<Result<Vec<Requirements>>>()?;
    let of = |leg: &Leg| requirements.iter().find(|requirements| requirements.revision == leg.revision);
    let has_scenarios = |leg: &Leg| of(leg).is_some_and(|of| !of.scenarios(leg.role, true).is_empty());
    let waiting: VecDeque<Leg> = legs.into_iter().filter(has_scenarios).collect();
    let waiting = Mutex::new(waiting);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(leg) = next else { return };
                    let Some(requirements) = of(&leg) else { continue };
                    let counts = match leg.run(requirements) {
                        Ok(report) => print(&leg, &report),
                        Err(error) => {
                            println!("{leg:<32} FAILED: {error:#}");
                            Counts { passed: 0, failed: 1 }
                        }
                    };
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((leg, counts));
                }
            });
        }
    });
    Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Shows how a leg went.
fn print(leg: &Leg, report: &Report) -> Counts {
    let counts = Counts { passed: report.passed.len(), failed: report.unexpected.len() + report.stale.len() };
    let mut text = format!(
        "{:<32} {counts} ({} known not to be covered; {} s)\n",
        leg.to_string(),
        report.expected,
        report.took.as_secs()
    );
    for (scenario, why) in &report.unexpected {
        text.push_str(&format!("  FAILED {} {scenario}: {why}\n", leg.key()));
    }
    for scenario in &report.stale {
        text.push_str(&format!(
            "  STALE  {} {scenario}: passes now; remove it from {}\n",
            leg.key(),
            expected::file(leg.language)
        ));
    }
    print!("{text}");
    counts
}

/// A step that runs the suite's program.
fn suite() -> Result<Step> {
    let (node, program) = provision::node::conformance_suite()?;
    Ok(Step::new(node).arg(program).env("NO_COLOR", "1"))
}
