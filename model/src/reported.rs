//! The six statuses of the nightly-approvals reference: a view on the state machine, here only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::task::TaskState;

/// A status as the reference's users write and read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Queued,
    Running,
    Succeeded,
    Failed,
    AwaitingApproval,
    Skipped,
}

impl Status {
    /// Every status, in the reference's order.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::AwaitingApproval,
        Self::Skipped,
    ];

    /// The word of the reference.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Skipped => "skipped",
        }
    }

    /// How a state shows under this vocabulary.
    #[must_use]
    pub const fn of(state: TaskState) -> Self {
        match state {
            TaskState::Created
            | TaskState::Queued
            | TaskState::Scheduled
            | TaskState::OnHold
            | TaskState::Blocked => Self::Queued,
            TaskState::Running | TaskState::Cancelling => Self::Running,
            TaskState::AwaitingApproval => Self::AwaitingApproval,
            TaskState::Succeeded => Self::Succeeded,
            TaskState::Failed => Self::Failed,
            TaskState::Skipped | TaskState::Cancelled => Self::Skipped,
        }
    }

    /// The states that show as this status: what a filter on it must match.
    #[must_use]
    pub fn states(self) -> Vec<TaskState> {
        TaskState::ALL
            .into_iter()
            .filter(|state| Self::of(*state) == self)
            .collect()
    }

    /// The state in which a reported task of this status is stored.
    #[must_use]
    pub const fn stored_as(self) -> TaskState {
        match self {
            Self::Queued => TaskState::Queued,
            Self::Running => TaskState::Running,
            Self::Succeeded => TaskState::Succeeded,
            Self::Failed => TaskState::Failed,
            Self::AwaitingApproval => TaskState::AwaitingApproval,
            Self::Skipped => TaskState::Skipped,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is none of the six.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a status; use one of queued, running, succeeded, failed, awaiting_approval, skipped"
)]
pub struct UnknownStatus(pub String);

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// A report that would move a task where reports may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reported task that is {from} cannot become {to} by a report{}", hint(*from))]
pub struct ReportRefused {
    pub from: TaskState,
    pub to: Status,
}

const fn hint(from: TaskState) -> &'static str {
    if matches!(from, TaskState::AwaitingApproval) {
        ": only a decision or a cancel leaves awaiting_approval"
    } else {
        ""
    }
}

/// The state after a report that says `to` about a reported task in `from`.
///
/// An open task may be reported anywhere; a finished one stays as it is, and
/// `awaiting_approval` is left by a decision or a cancel only.
///
/// # Errors
/// [`ReportRefused`] naming both states.
pub fn report(from: TaskState, to: Status) -> Result<TaskState, ReportRefused> {
    let unchanged = Status::of(from) == to;
    let open = !from.is_finished() && from != TaskState::AwaitingApproval;
    if unchanged {
        Ok(from)
    } else if open {
        Ok(to.stored_as())
    } else {
        Err(ReportRefused { from, to })
    }
}
