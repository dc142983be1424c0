//! The scenarios that are known to fail.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};

use super::leg::Leg;
use crate::project::{self, Language};

/// The file that lists a language's expected failures, below the root.
pub(super) fn file(language: Language) -> String {
    format!("tests/conformance/expected-failures/{language}.txt")
}

/// The scenarios of `leg` that are known to fail. The file has one line each: `REVISION ROLE SCENARIO`.
pub(super) fn failures(leg: &Leg, scenarios: &[String]) -> Result<BTreeSet<String>> {
    let file = file(leg.language);
    let text = fs::read_to_string(project::path(&file)).with_context(|| format!("cannot read {file}"))?;
    let keys: Vec<String> = Leg::all(leg.language).iter().map(Leg::key).collect();
    let mut expected = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if !keys.iter().any(|key| line.starts_with(key)) {
            bail!(
                "{file} lists `{line}`, which begins with no revision and role that are run: {}",
                keys.join(", ")
            );
        }
        let Some(scenario) = line.strip_prefix(&leg.key()).and_then(|rest| rest.strip_prefix(' ')) else {
            continue;
        };
        if !scenarios.iter().any(|known| known == scenario) {
            bail!("{file} lists {scenario:?}, which the suite does not ask for in `{}`", leg.key());
        }
        if !expected.insert(scenario.to_owned()) {
            bail!("{file} lists `{line}` twice");
        }
    }
    Ok(expected)
}
