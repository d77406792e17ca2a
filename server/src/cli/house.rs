//! `watchbill migrate`, `backup`, `restore` and `doctor`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use engine::Engine;
use engine::upkeep::Severity;

use super::open::{with_database, with_engine};
use crate::config::Config;
use crate::dump;

#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Only list the migrations and when each was applied
    #[arg(long)]
    list: bool,
}

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write; one that exists is not overwritten
    file: PathBuf,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A file that `watchbill backup` wrote
    file: PathBuf,
    /// Remove what the database holds first
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Send a test message and say what happened at each step; to the sender where no address is given
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1)]
    #[expect(
        clippy::option_option,
        reason = "a flag with a value that may be left out"
    )]
    mail: Option<Option<String>>,
}

pub async fn migrate(config: &Config, arguments: &MigrateArgs) -> anyhow::Result<()> {
    with_database(config, async |database| {
        if !arguments.list {
            let applied = database.migrate(config).await?;
            println!("{applied} migrations applied");
            return Ok(());
        }
        let pool = database.owner_pool().await?;
        for row in engine::upkeep::migrations(&pool).await? {
            let applied = row.applied_at.map_or_else(
                || "not applied".to_owned(),
                |at| at.format("%Y-%m-%d %H:%M UTC").to_string(),
            );
            println!("{:>4}  {:<40}  {applied}", row.version, row.description);
        }
        pool.close().await;
        Ok(())
    })
    .await
}

pub async fn backup(config: &Config, arguments: &BackupArgs) -> anyhow::Result<()> {
    with_database(config, async |database| {
        let pool = database.owner_pool().await?;
        dump::backup(database.owner_options(), &pool, &arguments.file).await?;
        pool.close().await;
        let bytes = std::fs::metadata(&arguments.file)?.len();
        println!("{} written, {bytes} bytes", arguments.file.display());
        Ok(())
    })
    .await
}

pub async fn restore(config: &Config, arguments: &RestoreArgs) -> anyhow::Result<()> {
    readable(&arguments.file)?;
    with_database(config, async |database| {
        let pool = database.owner_pool().await?;
        // With one role for both, our own connections could not be told from others'.
        if database.owner.is_some() {
            let role = database.application.get_username();
            engine::upkeep::refuse_in_use(&pool, role).await?;
        }
        if !engine::upkeep::is_empty(&pool).await? {
            if !arguments.replace {
                bail!(
                    "the database is not empty; --replace removes what it holds, after which only a backup brings it back"
                );
            }
            engine::upkeep::clear(&pool).await?;
        }
        dump::restore(database.owner_options(), &pool, &arguments.file).await?;
        pool.close().await;
        let applied = database.migrate(config).await?;
        println!("{} restored, {applied} newer migrations applied", arguments.file.display());
        Ok(())
    })
    .await
}

/// Told before anything is removed.
fn readable(file: &Path) -> anyhow::Result<()> {
    let mut head = [0; 5];
    let read = std::fs::File::open(file)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head));
    match read {
        Ok(()) if head == *b"PGDMP" => Ok(()),
        Ok(()) => bail!(
            "{} is not a file that watchbill backup wrote",
            file.display()
        ),
        Err(error) => bail!("cannot read {}: {error}", file.display()),
    }
}

/// Says what a person should act upon; exits with 1 where there is a warning.
pub async fn doctor(config: &Config, arguments: &DoctorArgs) -> anyhow::Result<ExitCode> {
    with_engine(config, async |engine| {
        if let Some(address) = &arguments.mail {
            return mail(engine, address.as_deref()).await;
        }
        let database = if config.database_url.is_some() {
            "given by database_url".to_owned()
        } else {
            format!("private, in {}", config.data_folder.display())
        };
        let major = engine::upkeep::server_major(&engine.pool).await?;
        println!("database   PostgreSQL {major}, {database}");
        println!("address    {}", config.address());
        let findings = engine::upkeep::findings(engine).await?;
        if findings.is_empty() {
            println!("all well");
        }
        for finding in &findings {
            let word = match finding.severity {
                Severity::Warning => "warning",
                Severity::Notice => "notice",
            };
            println!("{word:<9}  {} ({})", finding.message, finding.code);
        }
        let warned = findings.iter().any(|one| one.severity == Severity::Warning);
        Ok(if warned {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    })
    .await
}

/// Sends a test message; exits with 1 where it did not go.
async fn mail(engine: &Engine, address: Option<&str>) -> anyhow::Result<ExitCode> {
    let probe = engine::notify::mail::probe(engine, address).await?;
    println!("from               {}", probe.from);
    println!("to                 {}", probe.to);
    for said in &probe.steps {
        let word = if said.went { "ok" } else { "failed" };
        println!("{:<18} {word}: {}", said.step, said.text);
    }
    match &probe.file {
        Some(file) => println!(
            "no mail server is configured; the message is the file {}",
            file.display()
        ),
        None if probe.went => println!("the mail server has taken the message over"),
        None => println!("the message was not sent"),
    }
    Ok(if probe.went {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
