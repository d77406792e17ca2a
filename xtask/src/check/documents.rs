//! Documents name what is there: links between files, commands of make and of xtask.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Source, sources};
use crate::paths;

pub fn check() -> Result<Vec<String>> {
    let makefile =
        fs::read_to_string(paths::root().join("Makefile")).context("cannot read the Makefile")?;
    let mut findings = Vec::new();
    for document in sources("md", &["."])? {
        findings.extend(links(&document));
        findings.extend(commands(&document, "make ", |word| {
            makefile
                .lines()
                .any(|line| line.starts_with(&format!("{word}:")))
        }));
        findings.extend(commands(&document, "cargo xtask ", |word| {
            crate::USAGE
                .lines()
                .any(|line| line.trim_start().starts_with(word))
        }));
    }
    Ok(findings)
}

/// `[text](path)` must lead to a file of the repository.
fn links(document: &Source) -> Vec<String> {
    let folder = document.path.parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    for (number, line) in document.text.lines().enumerate() {
        for rest in line.split("](").skip(1) {
            let Some((target, _)) = rest.split_once(')') else {
                continue;
            };
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !elsewhere && !file.is_empty() && !paths::root().join(folder).join(file).exists() {
                let path = document.path.display();
                findings.push(format!("{path}:{}: {target} is not there", number + 1));
            }
        }
    }
    findings
}

/// Every command in backticks that begins so must exist.
fn commands(document: &Source, begin: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in document.text.lines().enumerate() {
        for quoted in line.split('`').skip(1).step_by(2) {
            let Some(rest) = quoted.strip_prefix(begin) else {
                continue;
            };
            let word = rest.split(' ').next().unwrap_or_default();
            let plain = word
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '-');
            if plain && !word.starts_with('-') && !word.is_empty() && !exists(word) {
                let path = document.path.display();
                findings.push(format!(
                    "{path}:{}: there is no `{begin}{word}`",
                    number + 1
                ));
            }
        }
    }
    findings
}
