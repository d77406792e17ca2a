//! Watches a running step until nothing of it lives.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::WorkerOptions;
use super::orders::{OrderReceiver, Stop};
use super::output::{CollectedOutput, Pump};
use super::process::{Family, Leader};

/// For how many times the drain the output of a step that has ended is read while more comes.
const MOST_DRAINS: u32 = 10;

/// Why a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself.
    Exited,
    /// It had more than its time.
    TimedOut { seconds: u64 },
    /// It was to be stopped.
    Stopped(Stop),
}

/// A step that has ended, with all its processes.
pub struct Ended {
    pub ending: Ending,
    /// Unknown where not even KILL could end it.
    pub status: Option<ExitStatus>,
    pub output: CollectedOutput,
    /// Sentences for the log.
    pub notes: Vec<String>,
}

/// Waits for the end, or brings it about. `None`: the attempt was given up, and its
/// processes were killed at once.
pub async fn supervise(
    options: &WorkerOptions,
    timeout_seconds: u64,
    mut leader: Leader,
    family: Family,
    pump: Pump,
    output: impl AsyncRead + Unpin + Send + 'static,
    orders: &mut OrderReceiver,
) -> Option<Ended> {
    let stop_reading = CancellationToken::new();
    let count = pump.count();
    let mut reading = tokio::spawn(pump.run(output, stop_reading.clone()));
    let mut giving_up = orders.clone();
    let orderly = async {
        let mut notes = Vec::new();
        let mut exited = None;
        let ending = tokio::select! {
            status = leader.wait() => {
                exited = status.ok();
                Ending::Exited
            }
            () = sleep(Duration::from_secs(timeout_seconds)) => Ending::TimedOut { seconds: timeout_seconds },
            stop = orders.stopped() => Ending::Stopped(stop),
        };
        let status = match ending {
            Ending::Exited => {
                family.leader_is_reaped();
                end_leftovers(options, &family, &mut notes).await;
                exited
            }
            Ending::TimedOut { .. } | Ending::Stopped(_) => {
                end_all(options.stop_grace, &mut leader, &family, &mut notes).await
            }
        };
        let output = finish_reading(options, &mut reading, &count, &stop_reading, &mut notes).await;
        (ending, status, output, notes)
    };
    let ended = tokio::select! {
        biased;
        () = giving_up.abandoned() => None,
        ended = orderly => Some(ended),
    };
    let Some((ending, status, output, notes)) = ended else {
        reading.abort();
        end_all(Duration::ZERO, &mut leader, &family, &mut Vec::new()).await;
        return None;
    };
    Some(Ended {
        ending,
        status,
        output: output?,
        notes,
    })
}

/// The step has ended by itself: those it left behind may say their last words.
async fn end_leftovers(options: &WorkerOptions, family: &Family, notes: &mut Vec<String>) {
    let patience = Instant::now() + options.drain;
    let mut pause = Duration::from_millis(2);
    while !family.is_empty() {
        if Instant::now() >= patience {
            let left = family.members().len();
            notes.push(format!(
                "{left} processes were still running after the step had ended and were killed"
            ));
            note_survivors(family.end(options.stop_grace).await, notes);
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

async fn end_all(
    grace: Duration,
    leader: &mut Leader,
    family: &Family,
    notes: &mut Vec<String>,
) -> Option<ExitStatus> {
    let reap = async {
        let status = leader.wait().await.ok();
        family.leader_is_reaped();
        status
    };
    let end = family.end(grace);
    tokio::pin!(reap, end);
    let mut status = None;
    let mut is_reaped = false;
    let ended = loop {
        tokio::select! {
            reaped = &mut reap, if !is_reaped => {
                status = reaped;
                is_reaped = true;
            }
            ended = &mut end => break ended,
        }
    };
    note_survivors(ended, notes);
    if !is_reaped {
        status = timeout(Duration::from_secs(1), reap).await.ok().flatten();
    }
    status
}

fn note_survivors(ended: Result<(), Vec<i32>>, notes: &mut Vec<String>) {
    if let Err(survivors) = ended {
        tracing::error!("processes {survivors:?} could not be killed");
        notes.push(format!("the processes {survivors:?} could not be killed"));
    }
}

/// Reads what is still in the pipe. Whoever holds it open from outside is not waited for once
/// nothing more comes, nor, where it goes on writing, for ever.
async fn finish_reading(
    options: &WorkerOptions,
    reading: &mut JoinHandle<CollectedOutput>,
    count: &AtomicU64,
    stop: &CancellationToken,
    notes: &mut Vec<String>,
) -> Option<CollectedOutput> {
    let patience = Instant::now() + options.drain * MOST_DRAINS;
    let mut seen = count.load(Ordering::Relaxed);
    let finished = loop {
        if let Ok(finished) = timeout(options.drain, &mut *reading).await {
            break finished;
        }
        let now = count.load(Ordering::Relaxed);
        if now == seen || Instant::now() >= patience {
            stop.cancel();
            break reading.await;
        }
        seen = now;
    };
    let output = finished
        .inspect_err(|error| tracing::error!("reading the output failed: {error}"))
        .ok()?;
    if output.held_open {
        notes.push("the output was still held open and was not read on".to_owned());
    }
    Some(output)
}
