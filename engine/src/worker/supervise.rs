//! Watches a running step until nothing of it lives.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use process::Attempt;
use tokio::io::AsyncRead;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::WorkerOptions;
use super::orders::{OrderReceiver, Stop};
use super::output::{CollectedOutput, Pump};

/// For how many times the drain the output of a step that has ended is read while more comes.
const MOST_DRAINS: u32 = 10;

/// How long a killed process may take to vanish before a person must look.
const KILL_PATIENCE: Duration = Duration::from_secs(60);

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
    /// Unknown where what watched over it was ended before it.
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
    mut attempt: Attempt,
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
        let ending = tokio::select! {
            _ = attempt.ended() => Ending::Exited,
            () = sleep(Duration::from_secs(timeout_seconds)) => Ending::TimedOut { seconds: timeout_seconds },
            stop = orders.stopped() => Ending::Stopped(stop),
        };
        match ending {
            Ending::Exited => end_leftovers(options, &mut attempt, &mut notes).await,
            Ending::TimedOut { .. } | Ending::Stopped(_) => {
                end_all(options.stop_grace, &mut attempt).await;
            }
        }
        let status = attempt.ended().await.map(|ended| ended.status);
        if status.is_none() {
            notes.push("what watched over the step was ended before it".to_owned());
        }
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
        end_all(Duration::ZERO, &mut attempt).await;
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
async fn end_leftovers(options: &WorkerOptions, attempt: &mut Attempt, notes: &mut Vec<String>) {
    if timeout(options.drain, attempt.empty()).await.is_ok() {
        return;
    }
    end_all(options.stop_grace, attempt).await;
    let left = attempt.reached().unwrap_or_default();
    notes.push(format!(
        "{left} processes were still running after the step had ended and were killed"
    ));
}

/// Ends everyone: TERM, then KILL after `grace`. Returns when nobody is left: what the kernel
/// cannot end, such as one that waits for a disk that is gone, keeps its slot, and is told of.
async fn end_all(grace: Duration, attempt: &mut Attempt) {
    if !grace.is_zero() {
        attempt.terminate();
        if timeout(grace, attempt.empty()).await.is_ok() {
            return;
        }
    }
    attempt.kill();
    while timeout(KILL_PATIENCE, attempt.empty()).await.is_err() {
        tracing::error!(
            "processes of a step could not be ended for {} s: its slot stays taken",
            KILL_PATIENCE.as_secs()
        );
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
