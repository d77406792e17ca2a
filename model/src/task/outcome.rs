use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    /// It exited with a code other than zero.
    Failed,
    /// It ran past its timeout.
    TimedOut,
    /// A signal ended it that Watchbill had not sent.
    Signalled,
    /// Its command was not found (exit code 127).
    NotFound,
    /// It could not be started at all.
    CouldNotStart,
    /// A person cancelled it.
    Cancelled,
    /// Its worker was gone before it ended.
    WorkerLost,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Signalled,
        Self::NotFound,
        Self::CouldNotStart,
        Self::Cancelled,
        Self::WorkerLost,
    ];

    /// The text that the database stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Signalled => "signalled",
            Self::NotFound => "not_found",
            Self::CouldNotStart => "could_not_start",
            Self::Cancelled => "cancelled",
            Self::WorkerLost => "worker_lost",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an attempt's outcome")]
pub struct UnknownOutcome(pub String);

impl FromStr for Outcome {
    type Err = UnknownOutcome;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| UnknownOutcome(text.to_owned()))
    }
}
