use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ApprovalRow, RunRow, StateCounts, TaskRow};
use crate::task::TaskState;

/// The night as a morning paper: what needs me, what runs, what is next, last night.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dashboard {
    /// The beginning of what is called the night here.
    pub since: DateTime<Utc>,
    pub now: DateTime<Utc>,
    pub counts: NightCounts,
    pub needs_you: Vec<ApprovalRow>,
    pub running: Vec<TaskRow>,
    pub next: Vec<NextOccurrence>,
    pub lanes: Vec<NightLane>,
    pub failed: Vec<TaskRow>,
    pub recent_runs: Vec<RunRow>,
    /// Sentences that a person should act upon: a plan that stands still, gates that do not bind.
    pub notices: Vec<String>,
}

/// What the night amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NightCounts {
    pub tasks: StateCounts,
    /// Attempts after a first one.
    pub retried: i64,
}

/// A plan that will start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NextOccurrence {
    pub plan: String,
    pub trigger: String,
    pub due_at: DateTime<Utc>,
    pub task_count: i64,
}

/// One plan's line in the picture of the night.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NightLane {
    pub plan: String,
    pub bars: Vec<NightBar>,
}

/// One task in that line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NightBar {
    pub task: String,
    pub state: TaskState,
    pub from: DateTime<Utc>,
    /// None while it goes on.
    pub until: Option<DateTime<Utc>>,
}
