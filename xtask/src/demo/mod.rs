//! Shows oxmcp at work: clients and servers in different languages call each other, and servers that others wrote.
//!
//! The programs are those in `examples`. Every answer is compared with what it must be, worked out here without MCP.

mod files;
mod program;
mod scene;

use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use crate::process;
use crate::project::Language;
use crate::provision::{self, swift};
use crate::{build, project};
use files::Files;
use scene::{Answer, Scene, Server, Transport};

/// How to show it.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave a language out.
    #[arg(long, value_name = "LANG")]
    skip: Vec<Language>,
}

/// The newest revision, which two oxmcp peers agree on.
const NEWEST: &str = "2026-07-28";
/// The revision that the third-party servers of the demo speak.
const THEIRS: &str = "2025-11-25";

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    let started = Instant::now();
    let languages = languages(options)?;
    println!("Building what changed for: {}. The first time takes some minutes.", names(&languages));
    for &language in &languages {
        build::build(language, build::Scope::Examples)?;
    }
    provision::node::install(scene::PEERS)?;
    println!("Ready after {:.1} s.\n", started.elapsed().as_secs_f64());

    let files = Files::make()?;
    let scenes: Vec<Scene> = scenes(&files)
        .into_iter()
        .filter(|scene| scene.languages().iter().all(|language| languages.contains(language)))
        .collect();
    let failures = scenes.iter().enumerate().filter(|(number, scene)| !scene.play(number + 1)).count();
    let orphans = process::end_orphans();
    if !orphans.is_empty() {
        bail!("programs were left running:\n{}", orphans.join("\n"));
    }

    for language in Language::ALL.into_iter().filter(|language| !languages.contains(language)) {
        println!("{language} was left out.");
    }
    println!(
        "{} of {} calls hold, in {:.1} s.",
        scenes.len() - failures,
        scenes.len(),
        started.elapsed().as_secs_f64()
    );
    if failures > 0 {
        bail!("{failures} of {} calls did not hold", scenes.len());
    }
    Ok(())
}

/// The languages that take part: all whose toolchain is there. Rust, Python, Node and C must be.
fn languages(options: &Options) -> Result<Vec<Language>> {
    let mut languages = vec![Language::Rust, Language::Python, Language::Node, Language::C];
    if process::on_path("mvn") && process::on_path("javac") {
        languages.push(Language::Kotlin);
    } else {
        println!("Kotlin stays out: it needs Maven (mvn) and a JDK (javac).");
    }
    if swift::is_there() {
        languages.push(Language::Swift);
    } else {
        println!("Swift stays out: it needs a toolchain (`cargo xtask provision swift`).");
    }
    languages.retain(|language| !options.skip.contains(language));
    if languages.is_empty() {
        bail!("no language is left to show");
    }
    Ok(languages)
}

/// Who calls whom.
fn scenes(files: &Files) -> Vec<Scene> {
    let readme = project::path("README.md");
    let text = std::fs::read_to_string(&readme).unwrap_or_default();
    let count = |client, server, over| Scene {
        client,
        server: Server::Example(server),
        over,
        tool: "count_words",
        arguments: serde_json::json!({ "text": text }),
        about: "of this repository's README.md".to_owned(),
        revision: NEWEST,
        progress: 0,
        answer: Answer::Json(files::counts(&text)),
    };
    let find = |client, server, over| Scene {
        client,
        server: Server::Example(server),
        over,
        tool: "find_text",
        arguments: serde_json::json!({ "folder": files.folder(), "text": Files::WORD }),
        about: format!("for {:?} in a folder of {} files", Files::WORD, files.count()),
        revision: NEWEST,
        progress: files.count(),
        answer: Answer::Lines(files.hits()),
    };
    let read = |client| Scene {
        client,
        server: Server::Filesystem(files.folder().to_owned()),
        over: Transport::Stdio,
        tool: "read_text_file",
        arguments: serde_json::json!({ "path": files.first() }),
        about: "of a file in a temporary folder".to_owned(),
        revision: THEIRS,
        progress: 0,
        answer: Answer::Lines(files.first_lines()),
    };
    let wait = |client| Scene {
        client,
        server: Server::Everything,
        over: Transport::Stdio,
        tool: "trigger-long-running-operation",
        arguments: serde_json::json!({ "duration": 0.4, "steps": 4 }),
        about: "with four reports of progress".to_owned(),
        revision: THEIRS,
        progress: 4,
        answer: Answer::Lines(vec![
            "Long running operation completed. Duration: 0.4 seconds, Steps: 4.".to_owned(),
        ]),
    };
    use Language::{C, Kotlin, Node, Python, Rust, Swift};
    use Transport::{Http, Stdio};
    vec![
        count(Python, Node, Http),
        read(Python),
        wait(Python),
        find(Node, Python, Stdio),
        wait(Node),
        count(C, Rust, Stdio),
        find(Rust, C, Http),
        find(Kotlin, Node, Http),
        count(Python, Kotlin, Stdio),
        read(Kotlin),
        count(Swift, Rust, Http),
        find(Node, Swift, Stdio),
        read(Swift),
    ]
}

fn names(languages: &[Language]) -> String {
    languages.iter().map(|language| language.name()).collect::<Vec<_>>().join(", ")
}
