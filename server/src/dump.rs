//! Dumps and restores with PostgreSQL's own programs.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, PgPool};
use tokio::process::Command;

use crate::cluster::{Binaries, dumper};
use crate::config::Config;

/// Writes the whole database to a 0600 file; one that exists is not overwritten.
///
/// # Errors
/// What `pg_dump` said, or what to install.
pub async fn backup(options: &PgConnectOptions, pool: &PgPool, file: &Path) -> anyhow::Result<()> {
    let binaries = programs(pool).await?;
    let shown = file.display();
    let target = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("cannot make {shown}"))?;
    // The file is ours and already open, so pg_dump needs no right to the folder.
    let mut command = program(&binaries, "pg_dump", options);
    command.args(["--format=custom", "--no-owner", "--no-privileges"]);
    command.stdout(Stdio::from(target.try_clone()?));
    // `output` would take the standard output for itself.
    let child = command.spawn().context("cannot run pg_dump")?;
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        std::fs::remove_file(file)?;
        bail!(
            "pg_dump failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    target.sync_all()?;
    Ok(())
}

/// Reads such a file into a database whose tables were removed.
///
/// # Errors
/// What `pg_restore` said, or what to install.
pub async fn restore(options: &PgConnectOptions, pool: &PgPool, file: &Path) -> anyhow::Result<()> {
    let binaries = programs(pool).await?;
    let source =
        std::fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let mut command = program(&binaries, "pg_restore", options);
    command
        .args([
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
        ])
        .arg(format!(
            "--dbname={}",
            options.get_database().unwrap_or("postgres")
        ))
        .stdin(Stdio::from(source));
    let child = command.spawn().context("cannot run pg_restore")?;
    let output = child.wait_with_output().await?;
    if output.status.success() {
        return Ok(());
    }
    bail!(
        "pg_restore failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    )
}

/// A dump into the data folder; where it cannot be made, the log says so and work goes on.
pub async fn before_migrating(config: &Config, options: &PgConnectOptions, pool: &PgPool) {
    match try_before_migrating(config, options, pool).await {
        Ok(file) => tracing::info!("dumped the database to {} before migrating", file.display()),
        Err(error) => tracing::warn!("migrating without a dump: {error:#}"),
    }
}

async fn try_before_migrating(
    config: &Config,
    options: &PgConnectOptions,
    pool: &PgPool,
) -> anyhow::Result<PathBuf> {
    let folder = config.data_folder.join("backups");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let moment = engine::Clock::now(&engine::SystemClock).format("%Y-%m-%dT%H-%M-%SZ");
    let file = folder.join(format!("before-migration-{moment}.dump"));
    backup(options, pool, &file).await?;
    Ok(file)
}

async fn programs(pool: &PgPool) -> anyhow::Result<Binaries> {
    let major = engine::upkeep::server_major(pool).await?;
    dumper(major).with_context(|| {
        format!(
            "there is no pg_dump of PostgreSQL {major} or later here; install it \
             (Debian: apt install postgresql-client-{major})"
        )
    })
}

/// The way in goes by the environment: a command line is seen by everyone who lists processes.
fn program(binaries: &Binaries, name: &str, options: &PgConnectOptions) -> Command {
    let mut command = Command::from(binaries.command(name));
    let host = options.get_socket().map_or_else(
        || options.get_host().to_owned(),
        |socket| socket.display().to_string(),
    );
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .env("PGHOST", host)
        .env("PGPORT", options.get_port().to_string())
        .env("PGUSER", options.get_username())
        .env(
            "PGDATABASE",
            options.get_database().unwrap_or(options.get_username()),
        )
        .env("PGSSLMODE", ssl_mode(options.get_ssl_mode()))
        .env("PGAPPNAME", "watchbill")
        .kill_on_drop(true);
    if let Some(password) = options.to_url_lossy().password() {
        command.env("PGPASSWORD", percent_decoded(password));
    }
    command
}

const fn ssl_mode(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

fn percent_decoded(text: &str) -> OsString {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    OsString::from_vec(decoded)
}

#[cfg(test)]
mod tests {
    use super::percent_decoded;

    #[test]
    fn passwords_are_decoded() {
        assert_eq!(percent_decoded("a%40b%25%zz%"), "a@b%%zz%");
    }
}
