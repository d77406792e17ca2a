//! What a task's attempts left: logs and files.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::history;
use model::id::{ArtifactId, AttemptNumber, TaskId};
use model::view::{ArtifactRow, AttemptRow, LogSlice};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Refusal;
use super::download::attachment;
use super::query::{Path, Query};
use crate::auth::Authenticated;
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(attempts))
        .routes(routes!(log))
        .routes(routes!(raw_log))
        .routes(routes!(artifacts))
        .routes(routes!(artifact))
}

/// The tries at a task, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attempts {
    items: Vec<AttemptRow>,
}

/// The files of a task.
#[derive(Debug, Serialize, ToSchema)]
pub struct Artifacts {
    items: Vec<ArtifactRow>,
}

/// The tries at a task.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{id}/attempts",
    tag = "tasks",
    operation_id = "list_attempts",
    params(("id" = i64, Path)),
    responses((status = OK, body = Attempts), (status = NOT_FOUND))
)]
async fn attempts(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<TaskId>,
) -> Result<Json<Attempts>, Refusal> {
    let items = history::task(&state.engine, &principal, id).await?.attempts;
    Ok(Json(Attempts { items }))
}

/// A part of an attempt's output as text, without control sequences.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{id}/attempts/{attempt}/log",
    tag = "tasks",
    operation_id = "read_log",
    params(
        ("id" = i64, Path),
        ("attempt" = i32, Path),
        ("after" = Option<i64>, Query, description = "`next_seq` of the part before"),
        ("max_bytes" = Option<usize>, Query, description = "1 to 1048576; 262144 where none is given"),
    ),
    responses((status = OK, body = LogSlice), (status = NOT_FOUND))
)]
async fn log(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path((id, attempt)): Path<(TaskId, AttemptNumber)>,
    query: Query,
) -> Result<Json<LogSlice>, Refusal> {
    let after = query.number("after", -1, i64::MAX, -1)?;
    let most = query.number("max_bytes", 1, 1024 * 1024, 256 * 1024)?;
    let slice = history::log(&state.engine, &principal, id, attempt, after, most).await?;
    Ok(Json(slice))
}

/// An attempt's output as it was kept, byte for byte.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{id}/attempts/{attempt}/log/raw",
    tag = "tasks",
    operation_id = "download_log",
    params(("id" = i64, Path), ("attempt" = i32, Path)),
    responses((status = OK, content_type = "text/plain", body = String), (status = NOT_FOUND))
)]
async fn raw_log(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path((id, attempt)): Path<(TaskId, AttemptNumber)>,
) -> Result<Response, Refusal> {
    let stream = history::raw_log(&state.engine, &principal, id, attempt).await?;
    let name = format!("task-{id}-attempt-{attempt}.log");
    Ok(attachment(stream, "text/plain; charset=utf-8", &name))
}

/// The files that a task's attempts left.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{id}/artifacts",
    tag = "tasks",
    operation_id = "list_artifacts",
    params(("id" = i64, Path)),
    responses((status = OK, body = Artifacts), (status = NOT_FOUND))
)]
async fn artifacts(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<TaskId>,
) -> Result<Json<Artifacts>, Refusal> {
    let items = history::task(&state.engine, &principal, id)
        .await?
        .artifacts;
    Ok(Json(Artifacts { items }))
}

/// One file, to keep and never to be shown by a browser.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{id}/artifacts/{artifact}",
    tag = "tasks",
    operation_id = "download_artifact",
    params(("id" = i64, Path), ("artifact" = i64, Path)),
    responses((status = OK, content_type = "application/octet-stream", body = String), (status = NOT_FOUND))
)]
async fn artifact(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path((id, artifact)): Path<(TaskId, ArtifactId)>,
) -> Result<Response, Refusal> {
    let file = history::artifact(&state.engine, &principal, id, artifact).await?;
    Ok(attachment(
        file.content,
        "application/octet-stream",
        &file.row.path,
    ))
}
