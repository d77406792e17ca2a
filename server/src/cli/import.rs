//! `watchbill import`: what another system kept.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use engine::Engine;
use engine::reported::{ImportSource, import, one_key};

use super::open::principal;

#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(subcommand)]
    what: ImportWhat,
}

#[derive(Debug, Subcommand)]
enum ImportWhat {
    /// The table `agents_tasks` of nightly-approvals, with its ids
    #[command(name = "agents_tasks")]
    AgentsTasks {
        /// postgres://… of its database, or a CSV file of the table
        #[arg(long, env = "WATCHBILL_IMPORT_FROM", hide_env_values = true)]
        from: String,
    },
}

pub async fn run(engine: &Engine, arguments: ImportArgs) -> anyhow::Result<()> {
    let ImportWhat::AgentsTasks { from } = arguments.what;
    let imported = import(engine, &principal(), &source(from)).await?;
    println!(
        "{} tasks imported, {} were here already",
        imported.imported, imported.present
    );
    println!("{}", one_key(engine).await?.sentence);
    Ok(())
}

fn source(from: String) -> ImportSource {
    if from.starts_with("postgres://") || from.starts_with("postgresql://") {
        ImportSource::Database(from)
    } else {
        ImportSource::File(PathBuf::from(from))
    }
}
