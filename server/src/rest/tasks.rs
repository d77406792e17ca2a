//! Tasks: the history, one of them, and what a person does to it.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::history::{self, CsvColumns};
use engine::lifecycle;
use model::id::TaskId;
use model::view::{TaskDetail, TaskRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Refusal;
use super::agents_tasks::note;
use super::download::attachment;
use super::json::OptionalJson;
use super::query::{Path, Query, encode};
use crate::auth::Authenticated;
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(csv))
        .routes(routes!(get))
        .routes(routes!(cancel))
        .routes(routes!(rerun))
        .routes(routes!(hold))
        .routes(routes!(unhold))
}

/// One page, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskPage {
    items: Vec<TaskRow>,
    /// Null at the end.
    next_cursor: Option<String>,
}

/// Why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    note: Option<String>,
}

/// One page of the history.
#[utoipa::path(
    get,
    path = "/api/v1/tasks",
    tag = "tasks",
    operation_id = "list_tasks",
    params(
        ("status" = Option<Vec<model::reported::Status>>, Query, description = "may be repeated"),
        ("task" = Option<Vec<String>>, Query, description = "may be repeated"),
        ("run_id" = Option<String>, Query),
        ("since" = Option<String>, Query, description = "nothing that began before"),
        ("until" = Option<String>, Query, description = "nothing that began then or later"),
        ("limit" = Option<u32>, Query, description = "1 to 200; 50 where none is given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = OK, body = TaskPage))
)]
async fn list(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    query: Query,
) -> Result<Json<TaskPage>, Refusal> {
    let filter = query.filter()?;
    let limit = query.number("limit", 1, history::LARGEST_PAGE, 50)?;
    let before = query.cursor()?;
    let page = history::tasks(&state.engine, &principal, &filter, before, limit).await?;
    Ok(Json(TaskPage {
        items: page.items,
        next_cursor: page.next.map(encode),
    }))
}

/// Everything that matches, as CSV, without a cap.
#[utoipa::path(
    get,
    path = "/api/v1/tasks.csv",
    tag = "tasks",
    operation_id = "export_tasks",
    params(
        ("status" = Option<Vec<model::reported::Status>>, Query, description = "may be repeated"),
        ("task" = Option<Vec<String>>, Query, description = "may be repeated"),
        ("run_id" = Option<String>, Query),
        ("since" = Option<String>, Query),
        ("until" = Option<String>, Query),
    ),
    responses((status = OK, content_type = "text/csv", body = String))
)]
async fn csv(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    let filter = query.filter()?;
    let stream = history::csv(&state.engine, &principal, &filter, CsvColumns::All, None).await?;
    Ok(attachment(stream, "text/csv; charset=utf-8", "tasks.csv"))
}

/// A task with its attempts, history, files and neighbours.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{id}",
    tag = "tasks",
    operation_id = "get_task",
    params(("id" = i64, Path)),
    responses((status = OK, body = TaskDetail), (status = NOT_FOUND))
)]
async fn get(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<TaskId>,
) -> Result<Json<TaskDetail>, Refusal> {
    Ok(Json(history::task(&state.engine, &principal, id).await?))
}

/// Stop a task.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{id}/cancel",
    tag = "tasks",
    operation_id = "cancel_task",
    params(("id" = i64, Path)),
    request_body = Option<Note>,
    responses((status = OK, body = TaskRow), (status = NOT_FOUND), (status = CONFLICT))
)]
async fn cancel(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<TaskId>,
    query: Query,
    OptionalJson(body): OptionalJson<Note>,
) -> Result<Json<TaskRow>, Refusal> {
    let note = note(&query, body.and_then(|body| body.note))?;
    lifecycle::cancel(&state.engine, &principal, id, note.as_deref()).await?;
    Ok(Json(
        history::task_row(&state.engine, &principal, id).await?,
    ))
}

/// Try a task again; earlier signatures are void.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{id}/rerun",
    tag = "tasks",
    operation_id = "rerun_task",
    params(("id" = i64, Path)),
    responses((status = OK, body = TaskRow), (status = NOT_FOUND), (status = CONFLICT))
)]
async fn rerun(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<TaskId>,
) -> Result<Json<TaskRow>, Refusal> {
    lifecycle::rerun(&state.engine, &principal, id).await?;
    Ok(Json(
        history::task_row(&state.engine, &principal, id).await?,
    ))
}

/// Put a queued task aside.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{id}/hold",
    tag = "tasks",
    operation_id = "hold_task",
    params(("id" = i64, Path)),
    responses((status = OK, body = TaskRow), (status = NOT_FOUND), (status = CONFLICT))
)]
async fn hold(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<TaskId>,
) -> Result<Json<TaskRow>, Refusal> {
    lifecycle::hold(&state.engine, &principal, id).await?;
    Ok(Json(
        history::task_row(&state.engine, &principal, id).await?,
    ))
}

/// Take a task up again.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{id}/unhold",
    tag = "tasks",
    operation_id = "unhold_task",
    params(("id" = i64, Path)),
    responses((status = OK, body = TaskRow), (status = NOT_FOUND), (status = CONFLICT))
)]
async fn unhold(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<TaskId>,
) -> Result<Json<TaskRow>, Refusal> {
    lifecycle::unhold(&state.engine, &principal, id).await?;
    Ok(Json(
        history::task_row(&state.engine, &principal, id).await?,
    ))
}
