//! What no compiler checks: the direction of the layers, sizes, words, documents.

mod documents;
mod layers;
mod rooms;
mod tidy;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::paths;

/// Runs every check and reports all findings at once.
pub fn run() -> Result<()> {
    let mut findings = layers::check()?;
    findings.extend(rooms::check()?);
    findings.extend(tidy::check()?);
    findings.extend(documents::check()?);
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        eprintln!("  {finding}");
    }
    bail!("{} findings", findings.len())
}

/// A file of the repository: its path from the root, and its text.
struct Source {
    path: PathBuf,
    text: String,
}

/// Every file git knows or would add, with one of these extensions, under one of these folders.
fn sources(extension: &str, folders: &[&str]) -> Result<Vec<Source>> {
    let listing = crate::tool::output(
        std::process::Command::new("git")
            .current_dir(paths::root())
            .args([
                "ls-files",
                "--cached",
                "--others",
                "--exclude-standard",
                "--",
            ])
            .args(folders),
    )?;
    let mut found = Vec::new();
    for name in listing.lines() {
        let path = Path::new(name);
        let full = paths::root().join(path);
        // A file that was removed and not yet committed is still listed.
        if path.extension().is_some_and(|it| it == extension) && full.is_file() {
            let text = fs::read_to_string(&full).with_context(|| format!("cannot read {name}"))?;
            found.push(Source {
                path: path.to_path_buf(),
                text,
            });
        }
    }
    Ok(found)
}
