//! The nightly-approvals reference's own API: its routes, its field names.

mod act;
mod list;
mod report;

pub use act::note;

use axum::Router;
use axum::routing::get;
use chrono::{DateTime, Utc};
use model::approval::ApprovalState;
use model::reported::Status;
use model::view::TaskRow;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, report::create))
        .routes(routes!(list::paged))
        .routes(routes!(list::paged_csv))
        .routes(routes!(report::patch))
        .routes(routes!(act::approve))
        .routes(routes!(act::reject))
        .routes(routes!(act::cancel))
        .routes(routes!(act::prune))
}

/// The collection is served without the slash at its end, too.
pub fn without_slash() -> Router<AppState> {
    Router::new().route("/agents/tasks", get(list::list).post(report::create))
}

/// A task with the reference's fields, no more and no less.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentTask {
    pub id: i64,
    pub task: String,
    /// Empty for a task that belongs to no run.
    pub run_id: String,
    pub status: Status,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i64>,
    pub inputs: Option<serde_json::Value>,
    pub outputs_uri: Option<String>,
    pub log_excerpt: Option<String>,
    pub approval_state: Option<ApprovalState>,
    pub approver: Option<String>,
    pub approval_note: Option<String>,
    pub webhook_notified_at: Option<DateTime<Utc>>,
}

impl From<TaskRow> for AgentTask {
    fn from(row: TaskRow) -> Self {
        Self {
            id: row.id.0,
            task: row.task,
            run_id: row.run_id.unwrap_or_default(),
            status: Status::of(row.state),
            started_at: row.started_at,
            finished_at: row.finished_at,
            duration_ms: row.duration_ms,
            inputs: row.inputs,
            outputs_uri: row.outputs_uri,
            log_excerpt: row.log_excerpt,
            approval_state: row.approval_state,
            approver: row.approver,
            approval_note: row.approval_note,
            webhook_notified_at: row.webhook_notified_at,
        }
    }
}
