//! `watchbill run`: what was run, and what came of it.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use engine::Engine;
use engine::history;
use model::id::RunKey;
use model::view::{RunRow, RunStatus};

use super::open::principal;

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(subcommand)]
    verb: RunVerb,
}

#[derive(Debug, Subcommand)]
enum RunVerb {
    /// The newest runs
    List {
        /// Only those of this plan
        #[arg(long)]
        plan: Option<String>,
        #[arg(short = 'n', long, default_value_t = 20)]
        limit: u32,
    },
    /// One run and its tasks; KEY is the number that `run list` shows
    Show { key: i64 },
    /// Cancel what has not finished
    Cancel { key: i64 },
    /// Run again what failed, and what waited for it
    Retry { key: i64 },
}

pub async fn run(engine: &Engine, arguments: RunArgs) -> anyhow::Result<()> {
    let principal = principal();
    match arguments.verb {
        RunVerb::List { plan, limit } => {
            let page = history::runs(engine, &principal, plan.as_deref(), None, limit).await?;
            for row in page.items {
                println!("{}", line(&row));
            }
        }
        RunVerb::Show { key } => {
            let detail = history::run(engine, &principal, RunKey(key)).await?;
            println!("{}", line(&detail.row));
            for task in detail.tasks {
                let reason = task.reason.unwrap_or_default();
                println!(
                    "  {:>8}  {:<32}  {:<18}  {}  {reason}",
                    task.id.to_string(),
                    task.task,
                    task.state.as_str(),
                    moment(task.started_at),
                );
            }
        }
        RunVerb::Cancel { key } => {
            let count = engine::lifecycle::cancel_run(engine, &principal, RunKey(key)).await?;
            println!("{count} tasks cancelled");
        }
        RunVerb::Retry { key } => {
            let count = engine::lifecycle::retry_failed(engine, &principal, RunKey(key)).await?;
            println!("{count} tasks run again");
        }
    }
    Ok(())
}

fn line(row: &RunRow) -> String {
    let counts = row.counts;
    format!(
        "{:>8}  {:<32}  {:<18}  {}  {} of {} succeeded",
        row.key.to_string(),
        row.run_id,
        word(counts.status()),
        moment(Some(row.created_at)),
        counts.succeeded,
        counts.total,
    )
}

const fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => "queued",
        RunStatus::Running => "running",
        RunStatus::AwaitingApproval => "awaiting_approval",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "failed",
        RunStatus::Skipped => "skipped",
    }
}

fn moment(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(
        || "-".to_owned(),
        |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}
