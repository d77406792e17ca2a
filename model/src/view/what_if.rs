use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{AttemptNumber, TaskId};
use crate::plan::RiskLevel;

/// What a draft of a plan's gates would have done to the results of a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhatIf {
    pub plan: String,
    pub since: DateTime<Utc>,
    /// How many results were looked at.
    pub considered: u32,
    /// How many of them would have stopped.
    pub would_stop: u32,
    /// How many of them did stop.
    pub did_stop: u32,
    /// There are more results than were looked at.
    pub cut: bool,
    /// Those that would have stopped, newest first; at most some hundred.
    pub stopped: Vec<WhatIfRow>,
    /// Those that did stop and would not have, newest first; at most some hundred.
    pub passed: Vec<WhatIfRow>,
}

/// One result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhatIfRow {
    pub task_id: TaskId,
    pub task: String,
    pub attempt: AttemptNumber,
    pub run_id: Option<String>,
    pub at: DateTime<Utc>,
    pub risk: Option<RiskLevel>,
    /// How many would have had to sign.
    pub required: u32,
    /// The condition that decided; none where the gate always stops or no rule matched.
    pub rule: Option<String>,
    pub why: Option<String>,
    pub did_stop: bool,
}
