use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::project;

/// The file that holds the output of what is called `name`.
pub(super) fn log_path(name: &str) -> PathBuf {
    project::build_dir().join("logs").join(format!("{name}.log"))
}

/// An empty file, with the folders that it is in.
pub(super) fn create(path: &Path) -> Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}
