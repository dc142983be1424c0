//! Remembers what was done, so that it is not done again.
//!
//! A stamp is a file that holds the text of everything the work depended on. The work is due when that text differs.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};

use crate::project;

/// Runs `work`, which makes `product`, unless that is there and was made from the same `inputs`. Unfinished work is
/// done again.
///
/// Several xtasks may run at once: one works, the others wait for it.
pub(crate) fn once(
    name: &str,
    inputs: &str,
    product: &Path,
    work: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let dir = project::build_dir().join("stamps");
    fs::create_dir_all(&dir)?;
    let lock = File::create(dir.join(format!("{name}.lock")))?;
    lock.lock().with_context(|| format!("waiting for another run of {name}"))?;

    let stamp = dir.join(name);
    if product.exists() && fs::read_to_string(&stamp).is_ok_and(|done| done == inputs) {
        return Ok(());
    }
    if stamp.exists() {
        fs::remove_file(&stamp)?;
    }
    work()?;
    fs::write(&stamp, inputs)?;
    Ok(())
}

/// Path, size and time of every source file under `roots`: changes whenever one of them does.
pub(crate) fn fingerprint(roots: &[&str]) -> Result<String> {
    let mut files = Vec::new();
    for root in roots {
        collect(&project::path(root), &mut files)?;
    }
    files.sort();
    let mut text = String::new();
    for file in files {
        let meta = fs::metadata(&file)?;
        let time = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        writeln!(text, "{} {} {}", file.display(), meta.len(), time.as_nanos())?;
    }
    Ok(text)
}

/// Names that never hold sources: what builds and installs leave behind.
const PRODUCTS: [&str; 11] = [
    "node_modules",
    "target",
    "build",
    "dist",
    "generated",
    "Generated",
    "__pycache__",
    ".build",
    ".pytest_cache",
    ".hypothesis",
    ".venv",
];

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let product = Path::new(&name).extension().is_some_and(|ending| ending == "so" || ending == "node");
        if !product && !PRODUCTS.iter().any(|skipped| name == *skipped) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_once_for_the_same_inputs_and_again_after_a_failure() {
        let name = format!("test-{}", std::process::id());
        let mut runs = 0;
        let mut work = |inputs: &str, fails: bool| {
            let mut ran = false;
            let result = once(&name, inputs, Path::new("/"), || {
                ran = true;
                if fails { anyhow::bail!("broken") } else { Ok(()) }
            });
            assert_eq!(result.is_err(), ran && fails);
            runs += usize::from(ran);
            runs
        };
        assert_eq!(work("a", false), 1);
        assert_eq!(work("a", false), 1);
        assert_eq!(work("b", true), 2);
        assert_eq!(work("b", false), 3);
        assert_eq!(work("b", false), 3);
        for file in [name.clone(), format!("{name}.lock")] {
            let _ = fs::remove_file(project::build_dir().join("stamps").join(file));
        }
    }
}
