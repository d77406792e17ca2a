use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::reported::{self, NewReport, ReportPatch};
use model::id::TaskId;
use model::reported::Status;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::ToSchema;

use super::AgentTask;
use crate::auth::Authenticated;
use crate::rest::Refusal;
use crate::rest::json::ApiJson;
use crate::rest::query::{Path, invalid};
use crate::rest::time::Time;
use crate::state::AppState;

/// A task as its orchestrator first tells of it. Unknown keys are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewAgentTask {
    /// 1 to 64 characters.
    task: String,
    /// 1 to 64 characters.
    run_id: String,
    #[serde(default = "queued")]
    status: Status,
    /// Now, where none is given.
    started_at: Option<Time>,
    finished_at: Option<Time>,
    duration_ms: Option<i64>,
    inputs: Option<Value>,
    /// At most 512 characters.
    outputs_uri: Option<String>,
    log_excerpt: Option<String>,
    /// Null or `pending`; a report decides nothing.
    approval_state: Option<String>,
    webhook_notified_at: Option<Time>,
}

const fn queued() -> Status {
    Status::Queued
}

/// What changed: only what is given does, null clears. Unknown keys are ignored.
#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three things"
)]
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct AgentTaskPatch {
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Status>)]
    status: Option<Option<Status>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Time>)]
    started_at: Option<Option<Time>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Time>)]
    finished_at: Option<Option<Time>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    duration_ms: Option<Option<i64>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Value>)]
    inputs: Option<Option<Value>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    outputs_uri: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    log_excerpt: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    approval_state: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Time>)]
    webhook_notified_at: Option<Option<Time>>,
}

/// Tells null from absent.
#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three things"
)]
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Tell of a task that an outside orchestrator runs.
#[utoipa::path(
    post,
    path = "/agents/tasks/",
    tag = "agents_tasks",
    operation_id = "create_agent_task",
    request_body = NewAgentTask,
    responses((status = CREATED, body = AgentTask))
)]
pub async fn create(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    ApiJson(body): ApiJson<NewAgentTask>,
) -> Result<(StatusCode, Json<AgentTask>), Refusal> {
    let report = NewReport {
        task: body.task,
        run_id: body.run_id,
        status: body.status,
        started_at: body.started_at.map(|time| time.0),
        finished_at: body.finished_at.map(|time| time.0),
        duration_ms: body.duration_ms,
        inputs: body.inputs,
        outputs_uri: body.outputs_uri,
        log_excerpt: body.log_excerpt,
        approval_state: body.approval_state,
        webhook_notified_at: body.webhook_notified_at.map(|time| time.0),
    };
    let row = reported::create(&state.engine, &principal, &report).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// Change a reported task.
#[utoipa::path(
    patch,
    path = "/agents/tasks/{id}",
    tag = "agents_tasks",
    operation_id = "patch_agent_task",
    params(("id" = i64, Path)),
    request_body = AgentTaskPatch,
    responses(
        (status = OK, body = AgentTask),
        (status = CONFLICT, description = "a task of ours, or a state that no report leaves"),
    )
)]
pub async fn patch(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<TaskId>,
    ApiJson(body): ApiJson<AgentTaskPatch>,
) -> Result<Json<AgentTask>, Refusal> {
    let status = match body.status {
        Some(None) => return Err(invalid("status", "a status cannot be null").into()),
        Some(Some(status)) => Some(status),
        None => None,
    };
    let patch = ReportPatch {
        status,
        started_at: body.started_at.map(|it| it.map(|time| time.0)),
        finished_at: body.finished_at.map(|it| it.map(|time| time.0)),
        duration_ms: body.duration_ms,
        inputs: body.inputs,
        outputs_uri: body.outputs_uri,
        log_excerpt: body.log_excerpt,
        approval_state: body.approval_state,
        webhook_notified_at: body.webhook_notified_at.map(|it| it.map(|time| time.0)),
    };
    let row = reported::patch(&state.engine, &principal, id, &patch).await?;
    Ok(Json(row.into()))
}
