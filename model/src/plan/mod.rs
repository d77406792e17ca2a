//! A plan as the engine runs it: checked, normalised, immutable once stored.
//!
//! What people write is YAML; `engine::plans` reads it, checks it and builds
//! these types. They are stored as JSON with the plan's version.

mod gate;
mod input;
mod retries;
mod risk;
mod task;
mod trigger;
mod weakening;

pub use gate::{
    ChangesAskerRule, CommentRule, EscalationStep, Gate, OnExpire, RefusalRule, RequesterRule,
    Signer,
};
pub use input::{InputDefinition, InputKind};
pub use retries::{Retries, RetryOn};
pub use risk::{RiskLevel, RiskRule, UnknownRiskLevel};
pub use task::{EnvironmentValue, EnvironmentVariable, Join, PlanTask, Work};
pub use trigger::{Misfire, Overlap, Schedule, Trigger, Window};
pub use weakening::{Weakening, WeakeningKind, weakenings};

use serde::{Deserialize, Serialize};

/// One version of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Plan {
    /// `[a-z0-9][a-z0-9._-]{0,63}`, without `..`.
    pub name: String,
    pub description: String,
    /// An IANA zone name; schedules and `{date}` are read in it.
    pub timezone: String,
    /// The template of the run's readable id; `{date}` is the due date in the plan's zone.
    pub run_id: String,
    pub inputs: Vec<InputDefinition>,
    pub triggers: Vec<Trigger>,
    /// In the order in which they are written.
    pub tasks: Vec<PlanTask>,
}

impl Plan {
    /// The task of this name.
    #[must_use]
    pub fn task(&self, name: &str) -> Option<&PlanTask> {
        self.tasks.iter().find(|task| task.name == name)
    }

    /// The tasks that name `name` among their `needs`.
    pub fn dependants<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a PlanTask> {
        self.tasks
            .iter()
            .filter(move |task| task.needs.iter().any(|need| need == name))
    }
}
