//! `watchbill task`: one task, its attempts and its output.

use std::io::Write;

use clap::{Args, Subcommand};
use engine::{Engine, history, lifecycle};
use futures::TryStreamExt;
use model::id::{AttemptNumber, TaskId};

use super::open::principal;

#[derive(Debug, Args)]
pub struct TaskArgs {
    #[command(subcommand)]
    verb: TaskVerb,
}

#[derive(Debug, Subcommand)]
enum TaskVerb {
    /// A task, its attempts and what happened to it
    Show { id: i64 },
    /// What an attempt wrote, as it was read (secrets masked)
    Log {
        id: i64,
        /// Which attempt [default: the last one]
        #[arg(long)]
        attempt: Option<i32>,
    },
    /// Stop a task, or never start it
    Cancel {
        id: i64,
        #[arg(long)]
        note: Option<String>,
    },
    /// Run a finished task again
    Rerun { id: i64 },
}

pub async fn run(engine: &Engine, arguments: TaskArgs) -> anyhow::Result<()> {
    let principal = principal();
    match arguments.verb {
        TaskVerb::Show { id } => {
            let detail = history::task(engine, &principal, TaskId(id)).await?;
            println!(
                "{} {} {}",
                detail.row.id,
                detail.row.task,
                detail.row.state.as_str()
            );
            if let Some(reason) = &detail.row.reason {
                println!("{reason}");
            }
            for event in &detail.history {
                let at = event.at.format("%Y-%m-%d %H:%M:%S UTC");
                let reason = event.reason.as_deref().unwrap_or_default();
                println!(
                    "  {at}  {:<18}  {}  {reason}",
                    event.to.as_str(),
                    event.actor
                );
            }
        }
        TaskVerb::Log { id, attempt } => {
            let id = TaskId(id);
            let attempt = match attempt {
                Some(number) => AttemptNumber(number),
                None => history::task(engine, &principal, id).await?.row.attempt,
            };
            let mut chunks = history::raw_log(engine, &principal, id, attempt).await?;
            let mut out = std::io::stdout().lock();
            while let Some(chunk) = chunks.try_next().await? {
                out.write_all(&chunk)?;
            }
        }
        TaskVerb::Cancel { id, note } => {
            let state = lifecycle::cancel(engine, &principal, TaskId(id), note.as_deref()).await?;
            println!("{}", state.as_str());
        }
        TaskVerb::Rerun { id } => {
            lifecycle::rerun(engine, &principal, TaskId(id)).await?;
            println!("queued");
        }
    }
    Ok(())
}
