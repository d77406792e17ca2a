//! `watchbill plan`: check a file, see when a plan is due, store it, start it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::TimeDelta;
use clap::{Args, Subcommand};
use engine::approvals::MOST_DAYS_BACK;
use engine::{Clock, Engine, SystemClock, lifecycle, plans, schedule};
use model::plan::{InputKind, Plan};
use serde_json::{Map, Value};

use super::open::{principal, with_engine};
use crate::config::Config;

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(subcommand)]
    verb: PlanVerb,
}

#[derive(Debug, Subcommand)]
enum PlanVerb {
    /// Check plan files; each problem as `file:line:column: what to write instead`
    Check {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// The next times that a plan is due; NAME may be a stored plan or a file
    Next {
        name: String,
        #[arg(short = 'n', long = "count", default_value_t = 10)]
        count: usize,
    },
    /// Say which results of the last days a draft's gates would have stopped; changes nothing
    WhatIf {
        file: PathBuf,
        /// How far back, such as 30d or 12h; at most 400 days
        #[arg(long, default_value = "30d", value_parser = span)]
        last: TimeDelta,
    },
    /// Store a plan file as the plan's next version
    Apply { file: PathBuf },
    /// Start a plan now
    Run {
        name: String,
        /// An input, as key=value; may be given several times
        #[arg(short = 'i', long = "input", value_name = "KEY=VALUE")]
        inputs: Vec<String>,
    },
    /// Record skips instead of starting runs
    Pause { name: String },
    /// Start runs again
    Resume { name: String },
    /// The stored plans
    List,
    /// Print the JSON Schema of plan files, for editors
    Schema,
}

pub async fn run(config: &Config, arguments: PlanArgs) -> anyhow::Result<ExitCode> {
    match arguments.verb {
        PlanVerb::Check { files } => return check(&files),
        PlanVerb::Schema => print!("{}", plans::json_schema()),
        PlanVerb::Next { name, count } => {
            let plan = if Path::new(&name).is_file() {
                read(Path::new(&name))?.0
            } else {
                with_engine(config, async |engine| {
                    Ok(plans::current(engine, &name).await?.plan)
                })
                .await?
            };
            next(&plan, count)?;
        }
        PlanVerb::WhatIf { file, last } => {
            let (plan, _) = read(&file)?;
            with_engine(config, async |engine| what_if(engine, &plan, last).await).await?;
        }
        PlanVerb::Apply { file } => {
            let (plan, text) = read(&file)?;
            let origin = plans::PlanOrigin::Api;
            with_engine(config, async |engine| {
                let saved =
                    lifecycle::save(engine, &principal(), &plan.name, &text, None, origin).await?;
                println!("{}", stored(config, &plan.name, &saved));
                Ok(())
            })
            .await?;
        }
        PlanVerb::Run { name, inputs } => {
            with_engine(config, async |engine| start(engine, &name, &inputs).await).await?;
        }
        PlanVerb::Pause { name } => {
            with_engine(config, async |engine| {
                Ok(plans::pause(engine, &principal(), &name).await?)
            })
            .await?;
            println!("{name} is paused");
        }
        PlanVerb::Resume { name } => {
            with_engine(config, async |engine| {
                Ok(plans::resume(engine, &principal(), &name).await?)
            })
            .await?;
            println!("{name} is resumed");
        }
        PlanVerb::List => with_engine(config, async |engine| list(engine).await).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What became of a version that was stored, in words.
fn stored(config: &Config, plan: &str, saved: &lifecycle::Saved) -> String {
    if saved.proposed.is_empty() {
        return format!("{plan} is at version {}", saved.version);
    }
    let addresses: Vec<String> = saved
        .proposed
        .iter()
        .map(|approval| format!("{}/approvals/{approval}", config.address()))
        .collect();
    let stays = match saved.running {
        0 => "nothing of it runs until then".to_owned(),
        running => format!("version {running} runs until then"),
    };
    format!(
        "version {} of {plan} weakens a gate and waits for a signature; {stays}: {}",
        saved.version,
        addresses.join(" ")
    )
}

fn check(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let mut faulty = false;
    for file in files {
        let text = text_of(file)?;
        match plans::document::parse(&text) {
            Ok(plan) => println!("{}: plan {} is well", file.display(), plan.name),
            Err(problems) => {
                faulty = true;
                for problem in problems {
                    println!("{}:{problem}", file.display());
                }
            }
        }
    }
    Ok(if faulty {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn text_of(file: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", file.display()))
}

fn read(file: &Path) -> anyhow::Result<(Plan, String)> {
    let text = text_of(file)?;
    match plans::document::parse(&text) {
        Ok(plan) => Ok((plan, text)),
        Err(problems) => {
            for problem in &problems {
                eprintln!("{}:{problem}", file.display());
            }
            bail!("{} has {} problems", file.display(), problems.len())
        }
    }
}

/// A span of the past that a draft may be tried on.
fn span(text: &str) -> Result<TimeDelta, String> {
    let most = TimeDelta::days(MOST_DAYS_BACK.into());
    let seconds = i64::try_from(plans::document::seconds(text)?).ok();
    seconds
        .and_then(TimeDelta::try_seconds)
        .filter(|span| *span <= most)
        .ok_or_else(|| format!("'{text}' is too long; write at most {MOST_DAYS_BACK}d"))
}

async fn what_if(engine: &Engine, draft: &Plan, last: TimeDelta) -> anyhow::Result<()> {
    let since = engine.clock.now() - last;
    let answer = engine::approvals::what_if(engine, &principal(), draft, since).await?;
    println!(
        "would have stopped {} of {} results of {} since {}; {} did stop",
        answer.would_stop,
        answer.considered,
        answer.plan,
        answer.since.format("%Y-%m-%d %H:%M UTC"),
        answer.did_stop,
    );
    if answer.cut {
        println!(
            "only the newest {} results were looked at",
            answer.considered
        );
    }
    for (mark, rows) in [("stops", &answer.stopped), ("passes", &answer.passed)] {
        for row in rows {
            println!(
                "{mark:<7} {}  {:<24} {:<24} {} {}",
                row.at.format("%Y-%m-%d %H:%M"),
                row.run_id.as_deref().unwrap_or("-"),
                row.task,
                row.risk
                    .map(|risk| format!("risk {risk}"))
                    .unwrap_or_default(),
                row.rule
                    .as_deref()
                    .or(row.why.as_deref())
                    .unwrap_or_default(),
            );
        }
    }
    Ok(())
}

fn next(plan: &Plan, count: usize) -> anyhow::Result<()> {
    let zone = jiff::tz::TimeZone::get(&plan.timezone)
        .with_context(|| format!("the zone {} is not known here", plan.timezone))?;
    let now = SystemClock.now();
    let mut times = Vec::new();
    for trigger in &plan.triggers {
        let due = schedule::next_times(&trigger.schedule, &plan.timezone, now, count)?;
        times.extend(due.into_iter().map(|at| (at, trigger.key.as_str())));
    }
    if times.is_empty() {
        println!(
            "{} has no trigger that is due: it starts when a person starts it",
            plan.name
        );
    }
    times.sort_unstable();
    for (at, key) in times.into_iter().take(count) {
        let local = jiff::Timestamp::from_second(at.timestamp())?.to_zoned(zone.clone());
        println!(
            "{}  {}  {key}",
            local.strftime("%a %Y-%m-%d %H:%M:%S %Z"),
            at.format("%Y-%m-%d %H:%M:%S UTC"),
        );
    }
    Ok(())
}

async fn start(engine: &Engine, name: &str, given: &[String]) -> anyhow::Result<()> {
    let plan = plans::current(engine, name).await?.plan;
    let mut inputs = Map::new();
    for pair in given {
        let (key, text) = pair
            .split_once('=')
            .with_context(|| format!("'{pair}' is not an input; write it like name=value"))?;
        let kind = plan
            .inputs
            .iter()
            .find(|input| input.name == key)
            .map(|input| &input.kind);
        inputs.insert(key.to_owned(), typed(kind, text));
    }
    let (key, run_id) = lifecycle::start(engine, &principal(), name, Value::Object(inputs)).await?;
    println!("{run_id} started; watchbill run show {key}");
    Ok(())
}

/// A text stays a text unless the plan asks for another kind; the engine checks what comes out.
fn typed(kind: Option<&InputKind>, text: &str) -> Value {
    match kind {
        Some(InputKind::Integer | InputKind::Number | InputKind::Boolean) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
        }
        Some(InputKind::String | InputKind::Choice(_)) | None => Value::from(text),
    }
}

async fn list(engine: &Engine) -> anyhow::Result<()> {
    for row in engine::history::plans(engine, &principal()).await? {
        let next = row.next_due_at.map_or_else(
            || "-".to_owned(),
            |at| at.format("%Y-%m-%d %H:%M UTC").to_string(),
        );
        let state = if row.paused_at.is_some() {
            "paused"
        } else {
            ""
        };
        println!(
            "{:<32}  version {:<4}  next {next}  {state}",
            row.name, row.version
        );
    }
    Ok(())
}
