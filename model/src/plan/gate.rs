use serde::{Deserialize, Serialize};

use crate::identity::Role;
use crate::task::GatePhase;

/// The rule that stops a task until a person has signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gate {
    pub phase: GatePhase,
    /// A CEL condition; without one the gate always stops.
    pub when: Option<String>,
    /// Who may sign: any of these.
    pub from: Vec<Signer>,
    /// How many signatures it takes, at least one.
    pub required: u32,
    /// How long the request stays open, in seconds; past it the task fails.
    pub expires_seconds: Option<u64>,
}

/// One entry of a gate's `from`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Signer {
    /// Whoever holds the role.
    Role(Role),
}
