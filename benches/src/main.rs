//! Measures Watchbill's speed beside the limit of this machine, in one run, as figures and ratios.
//!
//! Nothing is asserted: a figure is for a person to read. The limits are the
//! plainest programs that do the same durable work, on the same database.

mod chain;
mod claiming;
mod database;
mod drain;
mod history;
mod idle;
mod latency;
mod load;
mod login;
mod report;
mod serving;
mod start;

use anyhow::Result;
use clap::Parser;
use report::Report;

/// What to measure.
#[derive(Parser)]
struct Arguments {
    /// The rows of the large history.
    #[arg(long, default_value_t = 1_000_000)]
    rows: i64,
    /// Only the measurements whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// The release binary that serves pages; without it those rows are left out.
    #[arg(long, env = "WATCHBILL_BINARY")]
    binary: Option<std::path::PathBuf>,
}

fn main() -> Result<()> {
    process::enter_if_asked();
    tokio::runtime::Runtime::new()?.block_on(measure())
}

async fn measure() -> Result<()> {
    let arguments = Arguments::parse();
    let wanted = |name: &str| {
        arguments
            .only
            .as_ref()
            .is_none_or(|only| name.contains(only.as_str()))
    };
    // Fails only where a provider was installed before, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut report = Report::default();
    if wanted("latency") {
        latency::measure(&mut report).await?;
    }
    if wanted("login") {
        login::measure(&mut report).await?;
    }
    if wanted("drain") {
        drain::measure(&mut report).await?;
    }
    if wanted("start") {
        start::measure(&mut report).await?;
    }
    if wanted("chain") {
        chain::measure(&mut report).await?;
    }
    if wanted("history") {
        history::measure(&mut report, arguments.rows).await?;
    }
    if let Some(binary) = &arguments.binary {
        if wanted("serving") {
            serving::measure(&mut report, binary, arguments.rows).await?;
        }
        if wanted("idle") {
            idle::measure(&mut report, binary).await?;
        }
    }
    report.print();
    Ok(())
}
