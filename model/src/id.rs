//! Ids as types, so that a task's id can never be passed where a run's is meant.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! bigint_id {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<i64> for $name {
            fn from(value: i64) -> Self {
                Self(value)
            }
        }
    )*};
}

bigint_id! {
    /// A person who can log in.
    AccountId;
    /// A request for a decision, raised by a gate.
    ApprovalId;
    /// A colleague's right to sign in somebody's place.
    DelegationId;
    /// A file that a step left behind.
    ArtifactId;
    /// A message to a receiver outside.
    DeliveryId;
    /// A plan, over all its versions.
    PlanId;
    /// One immutable version of a plan.
    PlanVersionId;
    /// A run's own key; what people read is its `run_id`.
    RunKey;
    /// A session, never its secret.
    SessionId;
    /// A task: the row that people see in the history.
    TaskId;
    /// An access token, never its secret.
    TokenId;
    /// A trigger of a plan, stable over the plan's versions.
    TriggerId;
}

/// Which try at a task: 1 for the first, 0 for a task that was never claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct AttemptNumber(pub i32);

impl fmt::Display for AttemptNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
