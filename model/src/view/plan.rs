use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::RunRow;
use crate::id::{ApprovalId, PlanId, TriggerId};
use crate::plan::Plan;

/// One plan in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanRow {
    pub id: PlanId,
    pub name: String,
    pub description: String,
    pub version: i32,
    pub timezone: String,
    /// The schedules' own texts.
    pub triggers: Vec<String>,
    pub task_count: i64,
    pub paused_at: Option<DateTime<Utc>>,
    pub paused_by: Option<String>,
    /// Where this version lost a gate or a condition when it was stored: nothing is started
    /// from it until it is saved again, or a person resumes it as it is.
    pub lost_gate: Option<String>,
    pub next_due_at: Option<DateTime<Utc>>,
    pub last_run: Option<RunRow>,
}

/// A trigger and when it is due next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriggerRow {
    pub id: TriggerId,
    pub key: String,
    pub next_due_at: Option<DateTime<Utc>>,
    /// Why it stands still, where it does.
    pub problem: Option<String>,
}

/// A task of the plan, for its page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanTaskRow {
    pub name: String,
    pub description: String,
    pub needs: Vec<String>,
}

/// A moment that was due, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OccurrenceRow {
    pub trigger: String,
    pub due_at: DateTime<Utc>,
    pub run_id: Option<String>,
    pub skip_reason: Option<String>,
}

/// A plan's own page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanDetail {
    pub row: PlanRow,
    pub plan: Plan,
    /// The text as it was written.
    pub source: String,
    pub triggers: Vec<TriggerRow>,
    /// The next moments, with the local time in the plan's zone as text.
    pub next: Vec<(DateTime<Utc>, String)>,
    pub runs: Vec<RunRow>,
    pub skips: Vec<OccurrenceRow>,
    /// The version that waits for a signature, where there is one.
    pub proposed: Option<ProposedVersion>,
}

/// A version that asks people less than the one that runs, and so is not what runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProposedVersion {
    pub version: i32,
    /// Who stored it.
    pub by: String,
    pub at: DateTime<Utc>,
    /// The requests that still wait.
    pub approvals: Vec<ApprovalId>,
}
