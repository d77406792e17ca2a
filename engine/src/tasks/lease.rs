//! What passes between a worker and the database: claims, renewals and results.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use model::id::{AttemptNumber, RunKey, TaskId};
use model::plan::PlanTask;
use model::task::{Outcome, TaskState};
use uuid::Uuid;

/// A process that claims tasks, with a fresh random identity at each start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerIdentity {
    pub id: Uuid,
    /// The machine's name, for people.
    pub name: String,
    pub labels: Vec<String>,
}

/// Proof of a claim: only its holder may renew or finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseRef {
    pub task: TaskId,
    pub attempt: AttemptNumber,
    /// The fencing token: fresh with each claim.
    pub token: Uuid,
}

/// A task that a worker holds and is to run.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub lease: LeaseRef,
    pub name: String,
    pub run: Option<RunKey>,
    pub run_id: Option<String>,
    pub plan: Option<String>,
    /// The plan's zone; none for a task on its own.
    pub timezone: Option<String>,
    /// When the run was due, in UTC; `{date}` is derived from it.
    pub due_at: Option<DateTime<Utc>>,
    pub definition: Arc<PlanTask>,
    /// The earlier tasks of the run whose files it finds, where they left any: those that it
    /// names, and those it needs whose result is for a person to sign.
    pub uses: Vec<String>,
    /// The run's inputs: an object.
    pub inputs: serde_json::Value,
    /// The run's tasks by name, for a task that needs any: status, outputs, `outputs_uri`,
    /// approval. Otherwise an empty object.
    pub upstream: Arc<serde_json::Value>,
    /// The comment of who asked for changes, if anybody did.
    pub changes_wanted: Option<String>,
    /// How often changes were asked for.
    pub change_round: i32,
}

impl Claimed {
    /// The same over all attempts: what a step sends as its idempotency key.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        format!("watchbill-task-{}", self.lease.task)
    }
}

/// An attempt that has not been recorded yet, as its lease tells of it.
#[derive(Clone, Debug)]
pub(crate) struct OpenAttempt {
    pub token: Uuid,
    pub worker_id: Uuid,
    pub worker_name: String,
    pub started_at: DateTime<Utc>,
    /// How long it has run, by the database's clock.
    pub seconds: f64,
    /// What the step had written when its worker last said so, kept or not.
    pub output_bytes: i64,
    /// What the cap had left out by then.
    pub omitted_bytes: i64,
}

/// The [`OpenAttempt`] in a row of `leases` with its `seconds`, of whatever query.
macro_rules! open_attempt {
    ($row:expr) => {
        $crate::tasks::OpenAttempt {
            token: $row.token,
            worker_id: $row.worker_id,
            worker_name: $row.worker_name.clone(),
            started_at: $row.claimed_at,
            seconds: $row.seconds,
            output_bytes: $row.output_bytes,
            omitted_bytes: $row.omitted_bytes,
        }
    };
}
pub(crate) use open_attempt;

/// What a renewal found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The lease holds until further.
    Held,
    /// It holds, and a person wants the task stopped.
    CancelRequested,
    /// Somebody else has the task: stop at once, nothing will be recorded.
    Lost,
}

/// How an attempt ended, as its worker saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptResult {
    pub outcome: Outcome,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// Bytes that the step wrote, kept or not.
    pub output_bytes: i64,
    /// Bytes that the cap left out of the middle of the log.
    pub omitted_bytes: i64,
    /// The step's JSON report, whole.
    pub report: Option<serde_json::Value>,
    /// The report's `outputs`.
    pub outputs: Option<serde_json::Value>,
    pub outputs_uri: Option<String>,
    pub log_excerpt: Option<String>,
    /// Path and SHA-256 of each file that was kept, for the digest; already stored.
    pub artifacts: Vec<(String, [u8; 32])>,
    /// A sentence for a person: why it failed or could not start.
    pub reason: Option<String>,
}

impl AttemptResult {
    /// A result with this outcome and nothing else to say.
    #[must_use]
    pub const fn bare(outcome: Outcome) -> Self {
        Self {
            outcome,
            exit_code: None,
            signal: None,
            output_bytes: 0,
            omitted_bytes: 0,
            report: None,
            outputs: None,
            outputs_uri: None,
            log_excerpt: None,
            artifacts: Vec::new(),
            reason: None,
        }
    }
}

/// One attempt to be recorded as finished.
#[derive(Clone, Debug)]
pub struct Finish {
    pub lease: LeaseRef,
    pub result: AttemptResult,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Recorded; the task is now in this state.
    Recorded(TaskState),
    /// The lease was no longer held: nothing was changed.
    LeaseLost,
}
