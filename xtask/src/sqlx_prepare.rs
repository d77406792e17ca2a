//! `.sqlx`: what the database said of every query, so that a build needs no database.
//!
//! sqlx's macros write this themselves while they ask a live database, so sqlx-cli is not needed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::{files, paths, tool};

/// Whether to write `.sqlx` or to compare it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Write,
    Check,
}

/// Asks the server of `DATABASE_URL`, in a database made for this, about every query of `engine`.
pub fn run(mode: Mode) -> Result<()> {
    let stamp = paths::target().join("sqlx-prepare.stamp");
    let state = fingerprint()?;
    if mode == Mode::Check && fs::read_to_string(&stamp).is_ok_and(|checked| checked == state) {
        eprintln!("  unchanged since it was last checked");
        return Ok(());
    }
    let server = std::env::var("DATABASE_URL").context(
        "DATABASE_URL is not set: `setup/with-database cargo xtask sqlx-prepare` brings one",
    )?;
    let name = format!("watchbill_prepare_{}", std::process::id());
    psql(&server, &["--command", &format!("CREATE DATABASE {name}")])?;
    let asked = ask(&with_database(&server, &name)?);
    psql(
        &server,
        &["--command", &format!("DROP DATABASE {name} WITH (FORCE)")],
    )?;
    let fresh = read(&asked?)?;

    let kept = paths::root().join(".sqlx");
    let committed = if kept.exists() {
        read(&kept)?
    } else {
        BTreeMap::new()
    };
    match mode {
        Mode::Write => write(&kept, &committed, &fresh)?,
        Mode::Check => compare(&committed, &fresh)?,
    }
    fs::write(&stamp, fingerprint()?).context("cannot note the check")
}

/// Migrates the database and compiles `engine` against it; returns the folder of the answers.
fn ask(database: &str) -> Result<PathBuf> {
    let mut migrations: Vec<PathBuf> = fs::read_dir(paths::root().join("migrations"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    migrations.retain(|path| path.extension().is_some_and(|it| it == "sql"));
    migrations.sort();
    for migration in &migrations {
        psql(
            database,
            &[
                "--single-transaction",
                "--file",
                &migration.to_string_lossy(),
            ],
        )?;
    }

    let folder = paths::target().join("sqlx-prepare");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Cargo cannot know that the database changed: the file must look new, and old again
    // afterwards, so that no other build compiles it for nothing.
    let engine = File::options()
        .append(true)
        .open(paths::root().join("engine/src/lib.rs"))?;
    let before = engine.metadata()?.modified()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "a file's time is not the product's time"
    )]
    engine.set_modified(SystemTime::now())?;
    // The whole of the house, since a part of it would compile the dependencies with other features.
    let outcome = tool::run(
        tool::cargo()
            .args([
                "check",
                "--workspace",
                "--exclude=frontend",
                "--all-targets",
            ])
            .env("DATABASE_URL", database)
            .env("SQLX_OFFLINE_DIR", &folder)
            .env_remove("SQLX_OFFLINE"),
    );
    engine.set_modified(before)?;
    outcome?;
    Ok(folder)
}

fn psql(database: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
        .args(arguments)
        .arg(database)
        .env("PGOPTIONS", "--client-min-messages=warning")
        .output()
        .context("cannot start psql")?;
    if !output.status.success() {
        // Not the command: it holds the password.
        bail!(
            "psql {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// The same address with another database.
fn with_database(address: &str, name: &str) -> Result<String> {
    let (before, options) = address.split_once('?').unwrap_or((address, ""));
    let scheme = before
        .find("://")
        .context("DATABASE_URL is not an address")?
        + 3;
    let host = before[scheme..]
        .find('/')
        .map_or(before, |slash| &before[..scheme + slash]);
    let options = if options.is_empty() {
        String::new()
    } else {
        format!("?{options}")
    };
    Ok(format!("{host}/{name}{options}"))
}

fn read(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") {
            found.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(found)
}

fn write(
    kept: &Path,
    committed: &BTreeMap<String, String>,
    fresh: &BTreeMap<String, String>,
) -> Result<()> {
    fs::create_dir_all(kept).context("cannot make .sqlx")?;
    for name in committed.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(kept.join(name))?;
    }
    for (name, text) in fresh
        .iter()
        .filter(|(name, text)| committed.get(*name) != Some(text))
    {
        fs::write(kept.join(name), text).with_context(|| format!("cannot write {name}"))?;
    }
    eprintln!("  {} queries in .sqlx", fresh.len());
    Ok(())
}

fn compare(committed: &BTreeMap<String, String>, fresh: &BTreeMap<String, String>) -> Result<()> {
    let mut findings = 0;
    let names = committed
        .keys()
        .chain(fresh.keys().filter(|name| !committed.contains_key(*name)));
    for name in names {
        let what = match (committed.get(name), fresh.get(name)) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(_), Some(_)) => "differs",
            (Some(_), None) => "is of no query any more",
            (None, _) => "is missing",
        };
        eprintln!("  .sqlx/{name} {what}");
        findings += 1;
    }
    if findings > 0 {
        bail!("run `setup/with-database cargo xtask sqlx-prepare` and commit .sqlx");
    }
    eprintln!("  {} queries agree", fresh.len());
    Ok(())
}

/// A hash of all that the answers depend on.
fn fingerprint() -> Result<String> {
    let mut hash = Sha256::new();
    for place in ["engine", "migrations", ".sqlx", "Cargo.lock"] {
        files::add(&mut hash, &paths::root().join(place))?;
    }
    Ok(files::hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_keeps_the_rest_of_the_address() {
        let cases = [
            ("postgres://a:b@h:1/x", "postgres://a:b@h:1/y"),
            ("postgres://h/x?host=%2Ftmp", "postgres://h/y?host=%2Ftmp"),
            ("postgres://h", "postgres://h/y"),
        ];
        for (from, to) in cases {
            assert_eq!(with_database(from, "y").expect("an address"), to);
        }
    }
}
