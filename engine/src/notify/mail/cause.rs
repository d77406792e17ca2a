//! Why a message is sent. The outbox keeps it as JSON; words follow when it is rendered.

use chrono::{DateTime, NaiveDate, Utc};
use model::id::{AccountId, ApprovalId, PlanVersionId, TaskId, TokenId};
use serde::{Deserialize, Serialize};

/// What a row of the channel `mail` is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Cause {
    /// A request for a signature was raised.
    ApprovalRequested { approval: ApprovalId },
    /// It still waits.
    ApprovalReminder { approval: ApprovalId, number: u32 },
    /// Others did not answer in time.
    ApprovalEscalated { approval: ApprovalId, step: u32 },
    /// Fewer people can sign it than its policy asks for.
    ApprovalOutOfReach { approval: ApprovalId },
    /// A task failed after its last retry, this often in a row.
    TaskFailed {
        task: TaskId,
        attempt: i32,
        in_a_row: i64,
    },
    /// A mail server refuses somebody's address for good.
    AddressDisabled {
        account: AccountId,
        address: String,
        reason: String,
        /// The moment of the refusal; rows of earlier versions do not name it.
        #[serde(default)]
        at: DateTime<Utc>,
    },
    /// A stored plan turned out to have lost a gate or a condition, and is paused.
    PlanHeld { version: PlanVersionId },
    /// A token was made in the reader's name, by this one.
    TokenMade { token: TokenId, by: String },
    /// The one message of a local day.
    Digest { date: NaiveDate },
}

impl Cause {
    /// What tells this cause from every other one.
    pub fn key(&self) -> String {
        match self {
            Self::ApprovalRequested { approval } => format!("approval/{approval}/requested"),
            Self::ApprovalReminder { approval, number } => {
                format!("approval/{approval}/reminder/{number}")
            }
            Self::ApprovalEscalated { approval, step } => {
                format!("approval/{approval}/escalated/{step}")
            }
            Self::ApprovalOutOfReach { approval } => format!("approval/{approval}/out_of_reach"),
            Self::TaskFailed { task, attempt, .. } => format!("task/{task}/failed/{attempt}"),
            // An address that was written anew may be refused again, and that is news.
            Self::AddressDisabled {
                account,
                address,
                at,
                ..
            } => {
                let at = at.timestamp_micros();
                format!("account/{account}/disabled/{address}/{at}")
            }
            Self::PlanHeld { version } => format!("version/{version}/held"),
            Self::TokenMade { token, .. } => format!("token/{token}/made"),
            Self::Digest { date } => format!("digest/{date}"),
        }
    }
}
