use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::approval::ApprovalState;
use crate::id::{ApprovalId, ArtifactId, AttemptNumber, RunKey, TaskId};
use crate::page::Position;
use crate::plan::PlanTask;
use crate::task::{Origin, Outcome, TaskState};

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskRow {
    pub id: TaskId,
    pub task: String,
    /// The readable id of its run; a task on its own has none.
    pub run_id: Option<String>,
    pub run: Option<RunKey>,
    pub plan: Option<String>,
    pub state: TaskState,
    pub origin: Origin,
    pub attempt: AttemptNumber,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i64>,
    pub inputs: Option<serde_json::Value>,
    pub outputs_uri: Option<String>,
    pub log_excerpt: Option<String>,
    /// Why it is where it is: the reason of a skip, a failure or a wait.
    pub reason: Option<String>,
    pub approval_state: Option<ApprovalState>,
    pub approver: Option<String>,
    pub approval_note: Option<String>,
    pub webhook_notified_at: Option<DateTime<Utc>>,
    /// `started_at`, else when it was created: what lists are ordered by.
    pub sort_at: DateTime<Utc>,
}

impl TaskRow {
    /// Where a page that ends with this row goes on.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            sort_at: self.sort_at,
            id: self.id.0,
        }
    }
}

/// A task's own page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskDetail {
    pub row: TaskRow,
    /// What the plan says of it, where it came from a plan.
    pub definition: Option<PlanTask>,
    /// The result's outputs.
    pub outputs: Option<serde_json::Value>,
    /// The names and states of the tasks it needs.
    pub needs: Vec<(String, TaskId, TaskState)>,
    /// The names and states of the tasks that wait for it.
    pub dependants: Vec<(String, TaskId, TaskState)>,
    pub scheduled_for: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub attempts: Vec<AttemptRow>,
    pub history: Vec<HistoryRow>,
    pub artifacts: Vec<ArtifactRow>,
    /// The request that waits, or the last one.
    pub approval: Option<ApprovalId>,
}

/// One try at a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptRow {
    pub number: AttemptNumber,
    pub worker: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub outcome: Option<Outcome>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// Bytes that the step wrote, kept or not.
    pub output_bytes: i64,
    /// The step's JSON report: outputs, progress, telemetry.
    pub report: Option<serde_json::Value>,
    pub outputs_uri: Option<String>,
    /// SHA-256 over the canonical result, in hexadecimal.
    pub digest: Option<String>,
}

/// One transition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryRow {
    pub seq: i32,
    pub attempt: AttemptNumber,
    pub event: String,
    pub from: Option<TaskState>,
    pub to: TaskState,
    pub actor: String,
    pub reason: Option<String>,
    pub at: DateTime<Utc>,
}

/// A file that a step left in its artifact folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArtifactRow {
    pub id: ArtifactId,
    pub attempt: AttemptNumber,
    /// Relative to the artifact folder.
    pub path: String,
    pub bytes: i64,
    /// In hexadecimal.
    pub sha256: String,
}

/// A part of an attempt's output, for a page that follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogSlice {
    /// What was read, decoded leniently; control sequences are dropped.
    pub text: String,
    /// Ask for what comes after this.
    pub next_seq: i64,
    /// The attempt has finished and nothing follows.
    pub complete: bool,
    /// Bytes that the cap left out of the middle.
    pub omitted_bytes: i64,
}

impl LogSlice {
    /// Ask for what comes after this to read from the first byte on.
    pub const BEGINNING: i64 = -1;
}
