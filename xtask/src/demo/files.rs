//! Real input for the demo, and what the tools of the examples must make of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::project;

/// A temporary folder with copies of the project's pages; removed when this is dropped.
pub(super) struct Files {
    folder: PathBuf,
    /// Name and content, in the order of the names.
    pages: Vec<(String, String)>,
}

impl Files {
    /// What the demo looks for.
    pub(super) const WORD: &str = "stdio";

    pub(super) fn make() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("oxmcp-demo-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // The filesystem server compares real paths.
        let folder = folder.canonicalize()?;
        let mut files = Self { folder, pages: Vec::new() };
        for page in ["CHANGELOG.md", "README.md", "examples/README.md"] {
            let text =
                fs::read_to_string(project::path(page)).with_context(|| format!("cannot read {page}"))?;
            let name = page.replace('/', "-");
            fs::write(files.folder.join(&name), &text)?;
            files.pages.push((name, text));
        }
        files.pages.sort();
        Ok(files)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn count(&self) -> usize {
        self.pages.len()
    }

    /// The path of the first file.
    pub(super) fn first(&self) -> PathBuf {
        self.folder.join(&self.pages[0].0)
    }

    /// The lines of the first file.
    pub(super) fn first_lines(&self) -> Vec<String> {
        self.pages[0].1.lines().map(str::to_owned).collect()
    }

    /// Where the files hold [`Self::WORD`], as `find_text` says it.
    pub(super) fn hits(&self) -> Vec<String> {
        let mut hits = Vec::new();
        for (name, text) in &self.pages {
            for (number, line) in text.lines().enumerate().filter(|(_, line)| line.contains(Self::WORD)) {
                hits.push(format!("{name}:{}: {line}", number + 1));
            }
        }
        hits
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What `count_words` says of `text`.
pub(super) fn counts(text: &str) -> Value {
    json!({
        "lines": text.lines().count(),
        "words": text.split_whitespace().count(),
        "characters": text.chars().count(),
    })
}
