//! What pages, the REST API and the command line show: read-only rows.

mod approval;
mod comparison;
mod dashboard;
mod decision;
mod delivery;
mod filter;
mod mail;
mod people;
mod plan;
mod run;
mod signed;
mod task;
mod what_if;

pub use approval::{
    ApprovalDetail, ApprovalRow, ApprovalStanding, DecisionRow, DiffExtent, EscalationRow,
    InvisibleCharacters, Reminding,
};
pub use comparison::{Change, Comparison};
pub use dashboard::{Dashboard, NextOccurrence, NightBar, NightCounts, NightLane};
pub use decision::{DecisionFigures, DecisionFilter, DecisionLogRow};
pub use delivery::{DeliveryRow, DeliveryState};
pub use filter::TaskFilter;
pub use mail::{MailDetail, MailRow};
pub use people::{DelegationRow, GroupRow};
pub use plan::{OccurrenceRow, PlanDetail, PlanRow, PlanTaskRow, ProposedVersion, TriggerRow};
pub use run::{RunDetail, RunRow, RunStatus, StateCounts};
pub use signed::{NeededResult, PatchText};
pub use task::{ArtifactRow, AttemptRow, HistoryRow, LogSlice, TaskDetail, TaskRow};
pub use what_if::{WhatIf, WhatIfRow};
