use serde::{Deserialize, Serialize};

use super::{Gate, Retries};

/// One unit of work of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanTask {
    /// `[a-z0-9][a-z0-9._-]{0,63}`, without `..`.
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// The tasks that must be settled first.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Earlier tasks whose files it finds. Left out where there are none: what was signed and
    /// stored before the key was known has it in no other way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<String>,
    pub join: Join,
    /// A CEL condition; where it is false the task is skipped.
    pub when: Option<String>,
    pub work: Work,
    /// Relative to the folder in which steps run.
    pub working_directory: Option<String>,
    #[serde(default)]
    pub environment: Vec<EnvironmentVariable>,
    /// How long one attempt may take.
    pub timeout_seconds: u64,
    pub retries: Retries,
    pub approval: Option<Gate>,
    pub queue: String,
    /// Higher is claimed first.
    #[serde(default)]
    pub priority: i32,
    /// Labels that a worker must carry to take it.
    #[serde(default)]
    pub labels: Vec<String>,
}

impl PlanTask {
    /// How long an attempt may take where the plan does not say: an hour.
    pub const DEFAULT_TIMEOUT_SECONDS: u64 = 60 * 60;
    /// The queue of a task whose plan names none.
    pub const DEFAULT_QUEUE: &'static str = "default";

    /// A task as a plan makes it that says nothing but its name and its work.
    #[must_use]
    pub fn new(name: impl Into<String>, work: Work) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            needs: Vec::new(),
            uses: Vec::new(),
            join: Join::default(),
            when: None,
            work,
            working_directory: None,
            environment: Vec::new(),
            timeout_seconds: Self::DEFAULT_TIMEOUT_SECONDS,
            retries: Retries::default(),
            approval: None,
            queue: Self::DEFAULT_QUEUE.to_owned(),
            priority: 0,
            labels: Vec::new(),
        }
    }
}

impl Work {
    /// An argv.
    pub fn run<Part: Into<String>>(argv: impl IntoIterator<Item = Part>) -> Self {
        Self::Run(argv.into_iter().map(Into::into).collect())
    }
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

impl Join {
    /// The text that the database stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllSucceeded => "all_succeeded",
            Self::AllDone => "all_done",
            Self::AnySucceeded => "any_succeeded",
        }
    }

    /// Whether a task starts where what it needs succeeded or, having finished otherwise, did
    /// not. A task that needs nothing starts.
    #[must_use]
    pub fn is_met(self, succeeded: &[bool]) -> bool {
        match self {
            Self::AllDone => true,
            Self::AllSucceeded => succeeded.iter().all(|succeeded| *succeeded),
            Self::AnySucceeded => {
                succeeded.is_empty() || succeeded.iter().any(|succeeded| *succeeded)
            }
        }
    }
}
