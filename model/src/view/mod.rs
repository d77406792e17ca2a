//! What pages, the REST API and the command line show: read-only rows.

mod approval;
mod dashboard;
mod filter;
mod plan;
mod run;
mod task;

pub use approval::{ApprovalDetail, ApprovalRow, ApprovalState, DecisionRow, Verdict};
pub use dashboard::{Dashboard, NextOccurrence, NightBar, NightCounts, NightLane};
pub use filter::TaskFilter;
pub use plan::{OccurrenceRow, PlanDetail, PlanRow, PlanTaskRow, TriggerRow};
pub use run::{RunDetail, RunRow, RunStatus, StateCounts};
pub use task::{ArtifactRow, AttemptRow, HistoryRow, LogSlice, Outcome, TaskDetail, TaskRow};
