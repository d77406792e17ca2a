//! The command line: reads flags, calls a verb, says what came of it.

mod config_check;
mod group;
mod house;
mod import;
pub mod open;
mod plan;
mod run;
mod settings;
mod task;
pub mod token;
pub mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Sources};
use crate::{serve, telemetry};
use open::with_engine;
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
    /// Run only a worker, for the database of another machine
    Worker,
    /// Bring the database's schema up to date, or list the migrations
    Migrate(house::MigrateArgs),
    /// Check the configuration
    Config(ConfigArgs),
    /// Say what a person should act upon; exits with 1 where there is a warning
    Doctor(house::DoctorArgs),
    /// Write the whole database to a file
    Backup(house::BackupArgs),
    /// Read the database from a file
    Restore(house::RestoreArgs),
    /// Bring over what another system kept
    Import(import::ImportArgs),
    /// Manage accounts
    User(user::UserArgs),
    /// Manage groups of people who sign
    Group(group::GroupArgs),
    /// Manage tokens
    Token(token::TokenArgs),
    /// Check, store, preview, start, pause and resume plans
    Plan(plan::PlanArgs),
    /// List, show, cancel and retry runs
    Run(run::RunArgs),
    /// Show, follow, cancel and rerun tasks
    Task(task::TaskArgs),
}

#[derive(Debug, Args)]
struct ConfigArgs {
    #[command(subcommand)]
    verb: ConfigVerb,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum ConfigVerb {
    /// Show each setting, its value and where it came from
    Check,
}

/// Runs the command that was asked for.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let loaded = Config::load(arguments.config.as_deref(), &arguments.settings.0);
    let (config, sources) = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => return refuse(&problems),
    };
    if let Command::Config(ConfigArgs {
        verb: ConfigVerb::Check,
    }) = arguments.command
    {
        return check_config(&config, &sources);
    }
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
        Command::Worker => serve::worker(config).await?,
        Command::Migrate(arguments) => house::migrate(&config, &arguments).await?,
        // It needs no database and was answered before.
        Command::Config(_) => {}
        Command::Doctor(arguments) => return house::doctor(&config, &arguments).await,
        Command::Backup(arguments) => house::backup(&config, &arguments).await?,
        Command::Restore(arguments) => house::restore(&config, &arguments).await?,
        Command::Import(arguments) => {
            with_engine(&config, async |engine| import::run(engine, arguments).await).await?;
        }
        Command::User(arguments) => {
            with_engine(&config, async |engine| user::run(arguments, engine).await).await?;
        }
        Command::Group(arguments) => {
            with_engine(&config, async |engine| group::run(arguments, engine).await).await?;
        }
        Command::Token(arguments) => {
            with_engine(&config, async |engine| token::run(arguments, engine).await).await?;
        }
        Command::Plan(arguments) => return plan::run(&config, arguments).await,
        Command::Run(arguments) => {
            with_engine(&config, async |engine| run::run(engine, arguments).await).await?;
        }
        Command::Task(arguments) => {
            with_engine(&config, async |engine| task::run(engine, arguments).await).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn check_config(config: &Config, sources: &Sources) -> ExitCode {
    if let Some(file) = &sources.file {
        println!("file: {}", file.display());
    }
    print!("{}", config_check::table(sources));
    let unknown = config_check::unknown_variables(std::env::vars().map(|(name, _)| name));
    for name in &unknown {
        println!("warning: the environment has {name}, which is not a setting");
    }
    for sentence in config_check::weak_secrets(config) {
        println!("warning: {sentence}");
    }
    // What is configured and can never be delivered is a mistake, and a script should see it.
    let refused = config_check::refused_receivers(config);
    for sentence in &refused {
        println!("error: {sentence}");
    }
    if refused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn refuse(problems: &[String]) -> ExitCode {
    for problem in problems {
        eprintln!("watchbill: {problem}");
    }
    ExitCode::from(2)
}
