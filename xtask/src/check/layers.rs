//! model ← engine ← app (ssr) ← server; app (hydrate) ← frontend. SQL in `engine` alone.

use std::fs;

use anyhow::{Context as _, Result};

use super::sources;
use crate::{paths, tool};

/// Each crate of the house, and those of the house it may name.
const ARROWS: [(&str, &[&str]); 8] = [
    ("model", &[]),
    ("process", &[]),
    ("engine", &["model", "process"]),
    ("app", &["engine", "model"]),
    ("server", &["app", "engine", "model", "process"]),
    ("frontend", &["app"]),
    ("xtask", &[]),
    ("benches", &["engine", "model", "process"]),
];

/// Crates that the browser must never load, by the beginning of their names.
const NOT_IN_THE_BROWSER: [&str; 8] = [
    "sqlx",
    "tokio",
    "croner",
    "cron",
    "jiff",
    "chrono-tz",
    "cel",
    "engine",
];

/// How SQL begins in a string of Rust.
const SQL: [&str; 6] = [
    "sqlx::query",
    "\"SELECT ",
    "\"INSERT INTO ",
    "\"UPDATE ",
    "\"DELETE FROM ",
    "\"WITH ",
];

pub fn check() -> Result<Vec<String>> {
    let mut findings = arrows()?;
    findings.extend(browser()?);
    findings.extend(sql()?);
    Ok(findings)
}

fn arrows() -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (name, may) in ARROWS {
        let manifest = folder_of(name).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).with_context(|| format!("no crate {name}"))?;
        for (other, _) in ARROWS {
            let named = text.lines().any(|line| {
                line.strip_prefix(other)
                    .is_some_and(|rest| rest.starts_with([' ', '.', '=']))
            });
            if named && other != name && !may.contains(&other) {
                findings.push(format!(
                    "{name}/Cargo.toml: {name} must not depend on {other}"
                ));
            }
        }
    }
    Ok(findings)
}

/// Crates lie at the root, or below `crates`.
fn folder_of(name: &str) -> std::path::PathBuf {
    let below = paths::root().join("crates").join(name);
    if below.is_dir() {
        below
    } else {
        paths::root().join(name)
    }
}

fn browser() -> Result<Vec<String>> {
    let tree = tool::output(tool::cargo().args([
        "tree",
        "--package=frontend",
        "--target=wasm32-unknown-unknown",
        "--edges=normal",
        "--prefix=none",
        "--format={p}",
    ]))?;
    let mut names: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names
        .into_iter()
        .filter(|name| {
            NOT_IN_THE_BROWSER.iter().any(|ban| {
                name.strip_prefix(ban)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
        })
        .map(|name| format!("the browser's half must not contain {name}"))
        .collect())
}

fn sql() -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for source in sources(
        "rs",
        &["model/src", "app/src", "server/src", "frontend/src"],
    )? {
        // Tests look into the database past the verbs that they test.
        if source
            .path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs")
        {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            if SQL.iter().any(|begin| line.contains(begin)) {
                let path = source.path.display();
                findings.push(format!("{path}:{}: SQL belongs in engine", number + 1));
            }
        }
    }
    Ok(findings)
}
