//! True counts of tests, read from what the runners print.

use std::fmt;
use std::iter::Sum;

use anyhow::Result;

use crate::process::Step;

/// How many tests a run had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, more| Self {
            passed: sum.passed + more.passed,
            failed: sum.failed + more.failed,
        })
    }
}

/// A program that runs tests, by the shape of what it prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `test result: ok. 5 passed; 0 failed; 0 ignored; ...`, once for each binary.
    Cargo,
    /// `===== 5 passed, 1 failed in 0.12s =====`.
    Pytest,
    /// `# pass 5` and `# fail 0`, or the same after an `ℹ`.
    Node,
    /// `Tests run: 5, Failures: 0, Errors: 0, Skipped: 0` without a class name after it.
    Maven,
    /// `Executed 5 tests, with 0 failures` (XCTest) and `Test run with 5 tests ...` (Swift Testing).
    Swift,
    /// `5 passed, 0 failed`.
    Plain,
}

/// Runs tests and counts them. A runner that fails without a failed test, or that ran none, counts as a failure, and
/// so does every skipped test: a test that does not run shows nothing.
pub(crate) fn run(runner: Runner, step: Step) -> Result<Counts> {
    let outcome = step.env("NO_COLOR", "1").env("FORCE_COLOR", "0").run()?;
    let (mut counts, skipped) = count(runner, &outcome.text);
    if skipped > 0 {
        println!("FAILED: {skipped} tests were skipped");
        counts.failed += skipped;
    }
    if let Some(complaint) = outcome.complaint() {
        println!("FAILED: {complaint}");
        counts.failed = counts.failed.max(1);
    } else if counts == Counts::default() {
        println!("FAILED: no test ran");
        counts.failed = 1;
    }
    Ok(counts)
}

/// The counts in `text`, and how many tests were skipped.
fn count(runner: Runner, text: &str) -> (Counts, usize) {
    match runner {
        Runner::Cargo => {
            sum(text.lines().filter(|line| line.starts_with("test result: ")), &[";", ","], &["ignored"])
        }
        Runner::Pytest => {
            let skipped = ["skipped", "xfailed", "xpassed"];
            sum(last(text, |line| line.starts_with('=') && line.contains(" in ")), &[","], &skipped)
        }
        Runner::Plain => sum(text.lines().filter(|line| is_plain(line)), &[","], &["skipped"]),
        Runner::Node => {
            let field = |name: &str| {
                text.lines()
                    .filter_map(|line| line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")))
                    .filter_map(|line| line.strip_prefix(name)?.trim().parse::<usize>().ok())
                    .sum::<usize>()
            };
            let counts = Counts { passed: field("pass "), failed: field("fail ") + field("cancelled ") };
            (counts, field("skipped ") + field("todo "))
        }
        Runner::Maven => {
            let totals = last(text, |line| line.contains("Tests run:") && !line.contains("Time elapsed"));
            let mut counts = Counts::default();
            let mut skipped = 0;
            if let Some(line) = totals {
                let field = |name: &str| after(line, name).unwrap_or(0);
                let failed = field("Failures: ") + field("Errors: ");
                counts.failed += failed;
                skipped += field("Skipped: ");
                counts.passed += field("Tests run: ").saturating_sub(failed + field("Skipped: "));
            }
            (counts, skipped)
        }
        Runner::Swift => {
            let mut counts = Counts::default();
            // XCTest prints the same line for every suite, and the whole last; Swift Testing prints one line.
            if let Some(line) = last(text, |line| line.trim_start().starts_with("Executed ")) {
                let failed = after(line, "with ").unwrap_or(0);
                counts.failed += failed;
                counts.passed += after(line, "Executed ").unwrap_or(0).saturating_sub(failed);
            }
            if let Some(line) = last(text, |line| line.contains("Test run with ")) {
                let tests = after(line, "Test run with ").unwrap_or(0);
                let failed =
                    if line.contains(" failed ") { after(line, "with ").unwrap_or(1).max(1) } else { 0 };
                counts.failed += failed;
                counts.passed += tests.saturating_sub(failed);
            }
            let skipped = text
                .lines()
                .filter(|line| line.contains("' skipped (") || line.contains(" skipped: "))
                .count();
            (counts, skipped)
        }
    }
}

/// Adds up the `N passed`, `N failed` (or `N error`) and `N <skipped>` parts of `lines`, where there are several words for `skipped`.
fn sum<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    separators: &[&str],
    skipped_words: &[&str],
) -> (Counts, usize) {
    let mut counts = Counts::default();
    let mut skipped = 0;
    for line in lines {
        let mut words = line
            .split_whitespace()
            .map(|word| separators.iter().fold(word, |word, end| word.trim_end_matches(end)));
        let mut before = words.next().unwrap_or_default();
        for word in words {
            let number = before.parse::<usize>().unwrap_or(0);
            match word {
                "passed" => counts.passed += number,
                "failed" | "error" | "errors" => counts.failed += number,
                other if skipped_words.contains(&other) => skipped += number,
                _ => {}
            }
            before = word;
        }
    }
    (counts, skipped)
}

/// The last line that `matches`.
fn last(text: &str, matches: impl Fn(&str) -> bool) -> Option<&str> {
    text.lines().rev().find(|line| matches(line))
}

/// The number right after `name` in `line`.
fn after(line: &str, name: &str) -> Option<usize> {
    let rest = &line[line.rfind(name)? + name.len()..];
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// Whether `line` is `N passed, N failed` and nothing else.
fn is_plain(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    matches!(words[..], [passed, "passed,", failed, "failed"]
        if passed.parse::<usize>().is_ok() && failed.parse::<usize>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(runner: Runner, text: &str) -> (usize, usize, usize) {
        let (counts, skipped) = count(runner, text);
        (counts.passed, counts.failed, skipped)
    }

    #[test]
    fn cargo_adds_up_all_binaries() {
        let text = "\
test a ... ok
test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        assert_eq!(counted(Runner::Cargo, text), (7, 3, 1));
    }

    #[test]
    fn pytest_counts_errors_as_failures() {
        assert_eq!(
            counted(
                Runner::Pytest,
                "==== 2 failed, 40 passed, 1 skipped, 2 xfailed, 1 error in 3.10s ====\n"
            ),
            (40, 3, 3)
        );
        assert_eq!(counted(Runner::Pytest, "==== no tests ran in 0.01s ====\n"), (0, 0, 0));
    }

    #[test]
    fn node_is_read_in_both_of_its_formats() {
        assert_eq!(
            counted(Runner::Node, "# tests 3\n# pass 2\n# fail 1\n# cancelled 0\n# skipped 0\n# todo 0\n"),
            (2, 1, 0)
        );
        assert_eq!(
            counted(Runner::Node, "ℹ tests 3\nℹ pass 1\nℹ fail 0\nℹ cancelled 1\nℹ skipped 1\nℹ todo 0\n"),
            (1, 1, 1)
        );
    }

    #[test]
    fn maven_reads_the_closing_line() {
        let text = "\
[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s -- in ATest
[ERROR] Tests run: 9, Failures: 1, Errors: 1, Skipped: 1
";
        assert_eq!(counted(Runner::Maven, text), (6, 2, 1));
    }

    #[test]
    fn swift_reads_both_frameworks() {
        let text = "\
Executed 2 tests, with 0 failures (0 unexpected) in 0.1 (0.1) seconds
\t Executed 5 tests, with 1 failure (0 unexpected) in 0.1 (0.1) seconds
✘ Test run with 4 tests failed after 0.1 seconds with 2 issues.
";
        assert_eq!(counted(Runner::Swift, text), (6, 3, 0));
        assert_eq!(counted(Runner::Swift, "✔ Test run with 4 tests passed after 0.1 seconds.\n"), (4, 0, 0));
    }

    #[test]
    fn plain_wants_the_line_alone() {
        assert_eq!(counted(Runner::Plain, "3 passed, 1 failed\nof 9 passed, 2 failed\n"), (3, 1, 0));
    }
}
