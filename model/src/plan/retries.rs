use serde::{Deserialize, Serialize};

/// How often and how soon a failed attempt is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Retries {
    /// Attempts after the first; 0 tries once.
    pub max: u32,
    /// The pause before the first retry; each further one doubles it.
    pub backoff_seconds: u64,
    /// No pause is longer than this.
    pub ceiling_seconds: u64,
    /// Which outcomes are tried again.
    pub on: Vec<RetryOn>,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            max: 0,
            backoff_seconds: 30,
            ceiling_seconds: 600,
            on: vec![RetryOn::Failure, RetryOn::Timeout, RetryOn::Signal],
        }
    }
}

/// An outcome that a plan may have tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// It exited with a code other than zero.
    Failure,
    /// It ran past its timeout.
    Timeout,
    /// A signal ended it that Watchbill had not sent.
    Signal,
    /// The command was not found (127) or could not be started.
    NotFound,
}
