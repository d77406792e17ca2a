//! What an ended step came to: outcome, report, artifacts, the rest of its log.

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;

use model::task::Outcome;
use nix::sys::signal::Signal;

use super::attempt::Tools;
use super::orders::Stop;
use super::supervise::{Ended, Ending};
use super::uses::Lent;
use super::workspace::Workspace;
use super::{artifacts, report};
use crate::Error;
use crate::tasks::{AttemptResult, LeaseRef};

/// How often an error that does not pass by itself is tried again.
const TRIES: u32 = 5;

/// What a result is made of.
pub struct Collecting<'a> {
    pub tools: &'a Tools,
    pub lease: LeaseRef,
    pub workspace: Arc<Workspace>,
    pub ended: Ended,
    /// The files that the step used.
    pub uses: Option<Lent>,
}

/// Stores what the step left and says how it ended.
pub async fn collect(collecting: Collecting<'_>) -> AttemptResult {
    let Collecting {
        tools,
        lease,
        workspace,
        mut ended,
        uses,
    } = collecting;
    let mut result = judge(&ended);
    result.output_bytes = ended.output.output_bytes;
    result.log_excerpt = ended.output.excerpt.take();

    if let Some(uses) = uses
        && let Err(problem) = uses.check().await
    {
        fail(&mut result, &mut ended, problem);
    }
    match report::read(&workspace, &tools.masker) {
        Ok(report) => {
            result.outputs = report.outputs;
            result.outputs_uri = report.outputs_uri.or(ended.output.outputs_uri.take());
            result.report = report.value;
        }
        Err(problem) => {
            result.outputs_uri = ended.output.outputs_uri.take();
            fail(&mut result, &mut ended, problem);
        }
    }

    let mut tries = 0;
    let kept = loop {
        match artifacts::keep(&tools.engine, lease, &workspace).await {
            Ok(kept) => break kept,
            Err(error) => {
                if !try_again(&error, &mut tries).await {
                    let problem = "its artifacts could not be stored".to_owned();
                    ended.notes.push(problem.clone());
                    if result.outcome == Outcome::Succeeded {
                        // A gate would judge what it left without having seen it.
                        result.outcome = Outcome::Failed;
                        result.reason = Some(problem);
                    }
                    break artifacts::Kept::default();
                }
            }
        }
    };
    result.artifacts = kept.files;
    // Nobody waits for what becomes of it.
    if let Some(workspace) = Arc::into_inner(workspace) {
        tools.workspaces.give_back(workspace);
    }
    ended.notes.extend(kept.notes);

    let mut tries = 0;
    loop {
        match ended.output.store_rest(&ended.notes).await {
            Ok(omitted) => {
                result.omitted_bytes = omitted;
                break;
            }
            Err(error) => {
                if !try_again(&error, &mut tries).await {
                    break;
                }
            }
        }
    }
    result.reason = result.reason.map(|reason| tools.masker.text(&reason));
    result
}

/// Notes what is wrong with an end; a good one is none then.
fn fail(result: &mut AttemptResult, ended: &mut Ended, problem: String) {
    ended.notes.push(problem.clone());
    if result.outcome == Outcome::Succeeded {
        result.outcome = Outcome::Failed;
        result.reason = Some(problem);
    }
}

/// Waits before another try; false where there is none to be made. The lease's end,
/// which the caller watches, bounds the tries while the database cannot be reached.
async fn try_again(error: &Error, tries: &mut u32) -> bool {
    *tries += 1;
    tracing::warn!("what a step left could not be stored yet: {error}");
    if !matches!(error, Error::Unavailable(_)) && *tries >= TRIES {
        return false;
    }
    tokio::time::sleep(Duration::from_millis(100) * (*tries).min(10)).await;
    true
}

/// Tells the outcomes apart.
fn judge(ended: &Ended) -> AttemptResult {
    let code = ended.status.and_then(|status| status.code());
    let signal = ended.status.and_then(|status| status.signal());
    let (outcome, reason) = match ended.ending {
        Ending::TimedOut { seconds } => (
            Outcome::TimedOut,
            Some(format!(
                "it ran longer than {} and was stopped",
                spelled(seconds)
            )),
        ),
        Ending::Stopped(Stop::Shutdown) => {
            (Outcome::Cancelled, Some("its worker stopped".to_owned()))
        }
        Ending::Stopped(Stop::Cancel | Stop::Lost) => (Outcome::Cancelled, None),
        Ending::Exited => match (code, signal) {
            (Some(0), _) => (Outcome::Succeeded, None),
            (Some(127), _) => (
                Outcome::NotFound,
                Some("it exited with code 127: a command was not found".to_owned()),
            ),
            (Some(code), _) => (Outcome::Failed, Some(format!("it exited with code {code}"))),
            (None, Some(signal)) => (
                Outcome::Signalled,
                Some(format!("it was ended by {}", signal_name(signal))),
            ),
            (None, None) => (
                Outcome::Failed,
                Some("how it ended could not be learned".to_owned()),
            ),
        },
    };
    AttemptResult {
        exit_code: code,
        signal,
        reason,
        ..AttemptResult::bare(outcome)
    }
}

fn signal_name(number: i32) -> String {
    match Signal::try_from(number) {
        Ok(signal) => format!("{signal} (signal {number})"),
        Err(_) => format!("signal {number}"),
    }
}

fn spelled(seconds: u64) -> String {
    if seconds.is_multiple_of(3600) && seconds > 0 {
        format!("{} h", seconds / 3600)
    } else if seconds.is_multiple_of(60) && seconds > 0 {
        format!("{} min", seconds / 60)
    } else {
        format!("{seconds} s")
    }
}
