use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::approval::Verdict;
use crate::id::{ApprovalId, TaskId};
use crate::page::Position;

/// One answer in the decision log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionLogRow {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub by: String,
    /// Whose signature it is, where a delegation let another give it.
    pub on_behalf_of: Option<String>,
    pub verdict: Verdict,
    pub note: Option<String>,
    /// `page`, `api` or `slack`.
    pub channel: String,
    pub approval_id: ApprovalId,
    pub task_id: TaskId,
    pub task: String,
    pub plan: Option<String>,
    pub run_id: Option<String>,
    /// From the request to this answer, in seconds.
    pub waited_seconds: i64,
    /// The requester signed because no one else could.
    pub sole_decider: bool,
    /// The newest round in which who gave it, or whose signature it is, had asked for changes.
    pub changes_round: Option<u32>,
    /// It did not say what was looked at, and was bound to what stood there.
    pub blind: bool,
    /// What the answer was bound to: SHA-256 in hexadecimal.
    pub digest: String,
}

impl DecisionLogRow {
    /// Where the log goes on after this row.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            sort_at: self.at,
            id: self.id,
        }
    }
}

/// Which answers are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionFilter {
    /// By whom, or on whose behalf.
    pub person: Option<String>,
    pub plan: Option<String>,
}

/// How long people took to answer, over the last thirty days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionFigures {
    pub person: String,
    pub answers: i64,
    pub refusals: i64,
    /// Half of the answers came within this many seconds.
    pub median_seconds: i64,
    /// Nine of ten came within this many seconds.
    pub ninetieth_seconds: i64,
}
