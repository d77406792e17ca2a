use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::TaskRow;
use crate::id::RunKey;
use crate::page::Position;
use crate::task::TaskState;

/// How many tasks of a run stand where, under the six words that people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateCounts {
    pub total: i64,
    pub queued: i64,
    pub running: i64,
    pub awaiting_approval: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub skipped: i64,
}

/// Where a run stands; derived from its tasks, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Queued,
    Running,
    AwaitingApproval,
    Succeeded,
    Failed,
    /// Every task was skipped or cancelled.
    Skipped,
}

impl StateCounts {
    /// The counts of these states.
    pub fn of(states: impl IntoIterator<Item = TaskState>) -> Self {
        use crate::reported::Status;
        let mut counts = Self::default();
        for state in states {
            counts.total += 1;
            let place = match Status::of(state) {
                Status::Queued => &mut counts.queued,
                Status::Running => &mut counts.running,
                Status::Succeeded => &mut counts.succeeded,
                Status::Failed => &mut counts.failed,
                Status::AwaitingApproval => &mut counts.awaiting_approval,
                Status::Skipped => &mut counts.skipped,
            };
            *place += 1;
        }
        counts
    }

    /// The run's status: what is still open first, then the worst end.
    #[must_use]
    pub const fn status(&self) -> RunStatus {
        if self.running > 0 {
            RunStatus::Running
        } else if self.awaiting_approval > 0 {
            RunStatus::AwaitingApproval
        } else if self.queued > 0 {
            if self.succeeded + self.failed > 0 {
                RunStatus::Running
            } else {
                RunStatus::Queued
            }
        } else if self.failed > 0 {
            RunStatus::Failed
        } else if self.succeeded > 0 {
            RunStatus::Succeeded
        } else {
            RunStatus::Skipped
        }
    }
}

/// One run in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunRow {
    pub key: RunKey,
    pub run_id: String,
    /// None where an outside orchestrator reported it.
    pub plan: Option<String>,
    pub plan_version: Option<i32>,
    /// What started it: a trigger's key, or a person's name.
    pub started_by: String,
    pub due_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub counts: StateCounts,
}

impl RunRow {
    /// Where a page that ends with this row goes on.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            sort_at: self.created_at,
            id: self.key.0,
        }
    }
}

/// A run's own page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunDetail {
    pub row: RunRow,
    pub inputs: serde_json::Value,
    /// In the plan's order.
    pub tasks: Vec<TaskRow>,
}
