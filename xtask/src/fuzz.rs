//! Feeds the parsers what nobody would send.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::{self, Step};
use crate::{project, stamp};

/// The version of cargo-fuzz, which is installed below `.build`.
const CARGO_FUZZ: &str = "0.13.2";

/// The longest input, in bytes. Everything that a parser does happens within it.
const MAX_LEN: u32 = 4096;

/// What to fuzz; every target when none is named.
#[derive(Args)]
pub(crate) struct Options {
    /// The targets, as files of `fuzz/targets` are named.
    targets: Vec<String>,
    /// How long each target runs.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u32,
}

/// Runs the verb. Needs a nightly compiler and cargo-fuzz, and installs what is missing.
pub(crate) fn run(options: &Options) -> Result<()> {
    let all = targets()?;
    if let Some(unknown) = options.targets.iter().find(|target| !all.contains(target)) {
        bail!("there is no fuzz target {unknown:?}; there are {}", all.join(", "));
    }
    let chosen = if options.targets.is_empty() { &all } else { &options.targets };
    nightly()?;
    let tools = cargo_fuzz()?;
    for target in chosen {
        println!("\n===== fuzz {target} for {} s =====", options.seconds);
        fuzz(target, options.seconds, &tools)?;
    }
    println!("\nno findings in {}", chosen.join(", "));
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(project::path("fuzz/targets")).context("fuzz/targets cannot be read")? {
        let path = entry?.path();
        targets.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    targets.sort();
    Ok(targets)
}

/// What is found is kept in `.build/fuzz/artifacts`, with what led there; the inputs that reached new code, in `.build/fuzz/corpus`.
fn fuzz(target: &str, seconds: u32, tools: &Path) -> Result<()> {
    let corpus = project::build_dir().join("fuzz/corpus").join(target);
    let artifacts = project::build_dir().join("fuzz/artifacts").join(target);
    for dir in [&corpus, &artifacts] {
        fs::create_dir_all(dir)?;
    }
    let done = Step::new("cargo")
        .args(["+nightly", "fuzz", "run", target])
        .arg(&corpus)
        .arg(project::path("fuzz/seeds").join(target))
        .arg("--")
        .args([format!("-max_total_time={seconds}"), format!("-max_len={MAX_LEN}")])
        .args(["-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .env("PATH", std::env::join_paths([tools.join("bin")].into_iter().chain(search_path()))?)
        .env("CARGO_TARGET_DIR", project::build_dir().join("fuzz/target"))
        .log(&format!("fuzz-{target}"))
        .minutes(20 + u64::from(seconds) / 60)
        .run()?;
    for line in done.text.lines().filter(|line| line.starts_with("stat::")) {
        println!("{line}");
    }
    if let Some(complaint) = done.complaint() {
        bail!("{target}: {complaint}; what led there is in {}", artifacts.display());
    }
    if executions(&done.text).unwrap_or(0) == 0 {
        bail!("{target}: nothing was run");
    }
    Ok(())
}

/// How many inputs a target was run with, from its closing statistics.
fn executions(text: &str) -> Option<u64> {
    let count = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    count.trim().parse().ok()
}

fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

fn nightly() -> Result<()> {
    if Step::new("cargo").args(["+nightly", "--version"]).quiet().run().is_ok_and(|done| done.success()) {
        return Ok(());
    }
    if !process::on_path("rustup") {
        bail!("fuzzing needs a nightly compiler, which rustup installs; there is no rustup");
    }
    println!("installing a nightly compiler");
    let install = ["toolchain", "install", "nightly", "--profile", "minimal"];
    Step::new("rustup").args(install).log("rustup-nightly").check().map(drop)
}

/// Installs cargo-fuzz, and returns where.
fn cargo_fuzz() -> Result<PathBuf> {
    let tools = project::build_dir().join("tools");
    stamp::once("cargo-fuzz", CARGO_FUZZ, &tools.join("bin/cargo-fuzz"), || {
        println!("installing cargo-fuzz {CARGO_FUZZ}");
        let install = ["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ, "--root"];
        Step::new("cargo").args(install).arg(&tools).minutes(15).log("cargo-fuzz").check().map(drop)
    })?;
    Ok(tools)
}
