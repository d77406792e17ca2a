//! The command line: reads flags, calls a verb, says what came of it.

mod settings;
pub mod token;
pub mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::{serve, telemetry};
use settings::SettingFlags;

/// Runs the work that agents do while people sleep; nothing that matters passes unsigned.
#[derive(Debug, Parser)]
#[command(name = "watchbill", version, arg_required_else_help = true)]
struct Arguments {
    /// The configuration file [default: watchbill.toml in the working folder, where there is one]
    #[arg(long, global = true, value_name = "FILE", env = "WATCHBILL_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the web server, the scheduler and a worker
    Serve,
}

/// Runs the command that was asked for.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match Config::load(arguments.config.as_deref(), &arguments.settings.0) {
        Ok((config, _)) => config,
        Err(problems) => return refuse(&problems),
    };
    telemetry::init();
    // A second installation, as it happens in tests, changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = runtime
        .context("the operating system gives no threads")
        .and_then(|runtime| runtime.block_on(run(arguments.command, config)));
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("watchbill: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => serve::serve(config).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn refuse(problems: &[String]) -> ExitCode {
    for problem in problems {
        eprintln!("watchbill: {problem}");
    }
    ExitCode::from(2)
}
