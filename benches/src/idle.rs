//! What the server costs while nothing happens.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::database::Database;
use crate::report::Report;
use crate::serving::Served;

const SECONDS: u64 = 20;
/// The kernel counts processor time in hundredths of a second (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

pub async fn measure(report: &mut Report, binary: &Path) -> Result<()> {
    let database = Database::fresh("idle").await?;
    let served = Served::start(binary, &database).await?;
    let process = served.id().context("the server runs")?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = ticks(process)?;
    tokio::time::sleep(Duration::from_secs(SECONDS)).await;
    let used =
        (ticks(process)? - before) / TICKS_PER_SECOND / Duration::from_secs(SECONDS).as_secs_f64();
    report.figure("idle, processor", format!("{:.2} %", used * 100.0));
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let resident = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .context("VmRSS is there")?;
    let kilobytes: f64 = resident
        .split_whitespace()
        .nth(1)
        .context("a figure")?
        .parse()?;
    report.figure("idle, memory", format!("{:.0} MB", kilobytes / 1_000.0));
    served.stop().await
}

/// User and system time so far: fields 14 and 15 of proc(5)'s stat.
fn ticks(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit(") ").next().context("a name in parentheses")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let user: f64 = fields.get(11).context("utime")?.parse()?;
    let system: f64 = fields.get(12).context("stime")?.parse()?;
    Ok(user + system)
}
