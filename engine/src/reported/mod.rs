//! Tasks that an outside orchestrator runs and tells us about.
//!
//! A report touches no native task, decides no approval and does not leave
//! `awaiting_approval`: only a person's decision or a cancel does.

mod ask;
mod check;
mod create;
mod decide;
mod import;
mod import_rows;
mod one_key;
mod patch;
mod prune;
mod voices;

pub use create::create;
pub use decide::decide_task;
pub use import::{ImportSource, Imported, import};
pub use one_key::{OneKey, one_key};
pub use patch::patch;
pub use prune::{Pruned, prune_before};

use chrono::{DateTime, Utc};
use model::reported::Status;
use serde_json::Value;

/// A task as its orchestrator first tells of it.
#[derive(Clone, Debug)]
pub struct NewReport {
    pub task: String,
    pub run_id: String,
    pub status: Status,
    /// Now, where none is given.
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i64>,
    pub inputs: Option<Value>,
    pub outputs_uri: Option<String>,
    pub log_excerpt: Option<String>,
    /// Null or `pending`; what it says is derived, never taken from a report.
    pub approval_state: Option<String>,
    /// When the orchestrator told Slack and e-mail itself.
    pub webhook_notified_at: Option<DateTime<Utc>>,
}

/// What changed. The outer option says whether it was given, the inner one whether it is null.
#[derive(Clone, Debug, Default)]
pub struct ReportPatch {
    pub status: Option<Status>,
    pub started_at: Option<Option<DateTime<Utc>>>,
    pub finished_at: Option<Option<DateTime<Utc>>>,
    pub duration_ms: Option<Option<i64>>,
    pub inputs: Option<Option<Value>>,
    pub outputs_uri: Option<Option<String>>,
    pub log_excerpt: Option<Option<String>>,
    pub approval_state: Option<Option<String>>,
    pub webhook_notified_at: Option<Option<DateTime<Utc>>>,
}
