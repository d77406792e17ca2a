//! What follows from an attempt's end: pure, so that properties can be tested.

use std::time::Duration;

use model::plan::{Retries, RetryOn};
use model::task::{Outcome, TaskEvent, TaskState, apply};

use crate::{Error, Result};

/// How often a task is given to another worker after its worker died under it.
pub const CRASH_RECOVERIES: i32 = 3;

/// What the decision depends on.
pub(super) struct Facts<'a> {
    pub state: TaskState,
    pub outcome: Outcome,
    pub retries: &'a Retries,
    pub automatic_retries: i32,
    pub crash_recoveries: i32,
    /// A gate wants a person to see the result.
    pub gated: bool,
    /// In `0.0 .. 1.0`.
    pub jitter: f64,
}

/// What is to be written.
#[derive(Debug, PartialEq)]
pub(super) struct Ending {
    pub event: TaskEvent,
    pub to: TaskState,
    /// How long a retry waits.
    pub delay: Option<Duration>,
    pub reason: Option<String>,
}

/// Decides what an attempt's end makes of its task.
///
/// # Errors
/// [`Error::Conflict`] where the task is not in a state that an attempt can end in.
pub(super) fn ending(facts: &Facts<'_>) -> Result<Ending> {
    let (event, delay, reason) = match facts.state {
        // A cancel wins over whatever the attempt still managed to do.
        TaskState::Cancelling => (TaskEvent::CancelConfirmed, None, None),
        TaskState::Created
        | TaskState::Queued
        | TaskState::Scheduled
        | TaskState::OnHold
        | TaskState::Running
        | TaskState::Blocked
        | TaskState::AwaitingApproval
        | TaskState::Succeeded
        | TaskState::Failed
        | TaskState::Skipped
        | TaskState::Cancelled => running(facts),
    };
    let to = apply(facts.state, event).map_err(|error| Error::Conflict(error.to_string()))?;
    Ok(Ending {
        event,
        to,
        delay,
        reason,
    })
}

fn running(facts: &Facts<'_>) -> (TaskEvent, Option<Duration>, Option<String>) {
    use model::task::GatePhase;
    match facts.outcome {
        Outcome::Succeeded if facts.gated => (
            TaskEvent::RequestApproval(GatePhase::AfterResult),
            None,
            None,
        ),
        Outcome::Succeeded => (TaskEvent::Succeed, None, None),
        Outcome::WorkerLost if facts.crash_recoveries >= CRASH_RECOVERIES => (
            TaskEvent::Poison,
            None,
            Some(format!(
                "poison: its worker died under it {} times",
                facts.crash_recoveries + 1
            )),
        ),
        Outcome::WorkerLost => (
            TaskEvent::Rescue,
            None,
            Some("its worker was lost; it runs again".to_owned()),
        ),
        Outcome::Failed => retry(facts, RetryOn::Failure),
        Outcome::TimedOut => retry(facts, RetryOn::Timeout),
        Outcome::Signalled => retry(facts, RetryOn::Signal),
        Outcome::NotFound | Outcome::CouldNotStart => retry(facts, RetryOn::NotFound),
        // Ended on demand although nobody recorded the demand: the worker is shutting down.
        Outcome::Cancelled => (
            TaskEvent::Retry,
            None,
            Some("its worker stopped".to_owned()),
        ),
    }
}

fn retry(facts: &Facts<'_>, cause: RetryOn) -> (TaskEvent, Option<Duration>, Option<String>) {
    let used = u32::try_from(facts.automatic_retries).unwrap_or(u32::MAX);
    if used >= facts.retries.max || !facts.retries.on.contains(&cause) {
        return (TaskEvent::Fail, None, None);
    }
    let delay = backoff(facts.retries, used, facts.jitter);
    if delay.is_zero() {
        (TaskEvent::Retry, None, None)
    } else {
        (TaskEvent::BackOff, Some(delay), None)
    }
}

/// The pause before the retry after `used` earlier ones: doubled each time, up
/// to a tenth longer or shorter so that failures do not return in step, and
/// never past the ceiling.
fn backoff(retries: &Retries, used: u32, jitter: f64) -> Duration {
    let base = Duration::from_secs(retries.backoff_seconds);
    let doubled = base.saturating_mul(2_u32.saturating_pow(used.min(31)));
    let ceiling = Duration::from_secs(retries.ceiling_seconds);
    // A ceiling in seconds is far below what f64 holds exactly.
    let seconds = doubled.min(ceiling).as_secs_f64() * (0.9 + 0.2 * jitter);
    Duration::from_secs_f64(seconds).min(ceiling)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts(outcome: Outcome, retries: &Retries) -> Facts<'_> {
        Facts {
            state: TaskState::Running,
            outcome,
            retries,
            automatic_retries: 0,
            crash_recoveries: 0,
            gated: false,
            jitter: 0.5,
        }
    }

    #[test]
    fn a_failure_is_tried_again_only_where_the_plan_says_so() {
        let once = Retries {
            max: 1,
            on: vec![RetryOn::Timeout],
            ..Retries::default()
        };
        let event = |outcome| {
            ending(&facts(outcome, &once))
                .expect("running tasks end")
                .event
        };
        assert_eq!(event(Outcome::TimedOut), TaskEvent::BackOff);
        assert_eq!(event(Outcome::Failed), TaskEvent::Fail);
        let used = Facts {
            automatic_retries: 1,
            ..facts(Outcome::TimedOut, &once)
        };
        assert_eq!(
            ending(&used).expect("running tasks end").event,
            TaskEvent::Fail
        );
    }

    #[test]
    fn a_task_that_kills_its_workers_is_poison_after_three_recoveries() {
        let none = Retries::default();
        let lost = |crash_recoveries| {
            let facts = Facts {
                crash_recoveries,
                ..facts(Outcome::WorkerLost, &none)
            };
            ending(&facts).expect("running tasks end").to
        };
        assert_eq!(
            [lost(0), lost(1), lost(2), lost(3)],
            [
                TaskState::Queued,
                TaskState::Queued,
                TaskState::Queued,
                TaskState::Failed,
            ]
        );
    }

    #[test]
    fn a_cancel_wins_over_a_late_success() {
        let none = Retries::default();
        let facts = Facts {
            state: TaskState::Cancelling,
            ..facts(Outcome::Succeeded, &none)
        };
        assert_eq!(
            ending(&facts).expect("cancelling tasks end").to,
            TaskState::Cancelled
        );
    }

    proptest! {
        #[test]
        fn the_pause_never_passes_the_ceiling(
            backoff_seconds in 0_u64..1_000_000, ceiling_seconds in 0_u64..1_000_000,
            used in 0_u32..100, jitter in 0.0_f64..1.0,
        ) {
            let retries = Retries { max: 200, backoff_seconds, ceiling_seconds, ..Retries::default() };
            prop_assert!(backoff(&retries, used, jitter) <= Duration::from_secs(ceiling_seconds));
        }
    }
}
