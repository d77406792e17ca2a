use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a task stands. Stored as the text of [`TaskState::as_str`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for other tasks, or for a place in its queue.
    Created,
    /// Ready: a worker may claim it.
    Queued,
    /// Ready from a later moment on.
    Scheduled,
    /// A person put it aside.
    OnHold,
    /// A worker holds a live lease on it.
    Running,
    /// It cannot go on until something outside changes.
    Blocked,
    /// A gate stopped it: a person must sign or refuse.
    AwaitingApproval,
    /// Cancel was asked for; its process group is not yet empty.
    Cancelling,
    Succeeded,
    Failed,
    Skipped,
    Cancelled,
}

impl TaskState {
    /// Every state, in the order in which a task can meet them.
    pub const ALL: [Self; 12] = [
        Self::Created,
        Self::Queued,
        Self::Scheduled,
        Self::OnHold,
        Self::Running,
        Self::Blocked,
        Self::AwaitingApproval,
        Self::Cancelling,
        Self::Succeeded,
        Self::Failed,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// The text that the database stores and the API speaks.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::OnHold => "on_hold",
            Self::Running => "running",
            Self::Blocked => "blocked",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Cancelling => "cancelling",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Nothing but an explicit retry leaves these.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Cancelled => true,
            Self::Created
            | Self::Queued
            | Self::Scheduled
            | Self::OnHold
            | Self::Running
            | Self::Blocked
            | Self::AwaitingApproval
            | Self::Cancelling => false,
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no state; the database was written by something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a task state")]
pub struct UnknownState(pub String);

impl FromStr for TaskState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// Who runs a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Ours to claim, run and rescue.
    Native,
    /// An outside orchestrator runs it and only tells us; never claimed, never rescued.
    Reported,
    /// Nothing runs: it stands in the inbox for a plan version that waits for a signature.
    Proposal,
}

impl Origin {
    /// The text that the database stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Reported => "reported",
            Self::Proposal => "proposal",
        }
    }
}
