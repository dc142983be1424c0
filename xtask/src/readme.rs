//! Holds the README to its word: its code is cut from the examples, and its links lead somewhere.

use std::fs;

use crate::project;

/// The fenced blocks of `text`: language and lines.
fn blocks(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, Vec<&str>)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(language), None) => open = Some((language, Vec::new())),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some((language, mut lines))) => {
                lines.push(line);
                open = Some((language, lines));
            }
            (None, None) => {}
        }
    }
    blocks
}

#[test]
fn the_code_is_cut_from_the_examples() {
    let readme = fs::read_to_string(project::path("README.md")).expect("README.md");
    let mut shown = Vec::new();
    for (language, lines) in blocks(&readme) {
        let folder = match language {
            "sh" => continue,
            "js" => "node",
            other => other,
        };
        let block = lines.join("\n");
        let files = fs::read_dir(project::path("examples").join(folder)).expect("a folder of examples");
        let found = files
            .flatten()
            .filter_map(|file| fs::read_to_string(file.path()).ok())
            .any(|source| source.contains(&block));
        assert!(found, "this code is in no file of examples/{folder}:\n{block}");
        shown.push(folder);
    }
    for language in project::Language::ALL {
        assert!(shown.contains(&language.name()), "no code of {language} is shown");
    }
}

#[test]
fn the_links_lead_somewhere() {
    let readme = fs::read_to_string(project::path("README.md")).expect("README.md");
    for target in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        if !target.starts_with("https://") {
            assert!(project::path(target).exists(), "README.md links to {target}, which is not there");
        }
    }
}
