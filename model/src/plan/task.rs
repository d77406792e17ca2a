use serde::{Deserialize, Serialize};

use super::{Gate, Retries};

/// One unit of work of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanTask {
    /// `[a-z0-9][a-z0-9._-]{0,63}`, without `..`.
    pub name: String,
    pub description: String,
    /// The tasks that must be settled first.
    pub needs: Vec<String>,
    pub join: Join,
    /// A CEL condition; where it is false the task is skipped.
    pub when: Option<String>,
    pub work: Work,
    /// Relative to the folder in which steps run.
    pub working_directory: Option<String>,
    pub environment: Vec<EnvironmentVariable>,
    /// How long one attempt may take.
    pub timeout_seconds: u64,
    pub retries: Retries,
    pub approval: Option<Gate>,
    pub queue: String,
    /// Higher is claimed first.
    pub priority: i32,
    /// Labels that a worker must carry to take it.
    pub labels: Vec<String>,
}

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// An argv; no shell touches it. Each element is a template.
    Run(Vec<String>),
    /// A script for a shell that is asked for by name.
    Shell { program: String, script: String },
}

/// One variable that the plan gives a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentVariable {
    pub name: String,
    pub value: EnvironmentValue,
}

/// A plain text, or the name of a secret whose value never enters the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentValue {
    Text(String),
    Secret(String),
}

/// When a task with `needs` may start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// All that it needs succeeded.
    #[default]
    AllSucceeded,
    /// All that it needs finished, however.
    AllDone,
    /// All that it needs finished, and one at least succeeded.
    AnySucceeded,
}
